"""What people see: pages."""
