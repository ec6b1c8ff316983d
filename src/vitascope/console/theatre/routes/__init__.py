"""The pages by what they are about. Each handler asks the services and fills a template."""
