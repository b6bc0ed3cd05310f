"""What the API takes and tells, as models: names and shapes only. Rules are the services'."""
