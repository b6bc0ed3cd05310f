"""One module per page or group of pages, each with a blueprint `bp`. A module here is registered by being here.

A view is: who may, what was asked, one call of a service, one answer. No SQL, no provider names, no `try`.
"""
