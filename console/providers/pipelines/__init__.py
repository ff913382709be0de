"""Systems that build and check a release before it takes traffic."""
