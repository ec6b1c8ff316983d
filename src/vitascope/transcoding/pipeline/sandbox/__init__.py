"""Running a program that reads what strangers sent: no network, few folders, bounded resources."""
