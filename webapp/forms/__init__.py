"""Forms, one file per group of pages. They check shape and speak to people; services check rules and raise."""
