"""`<prefix>/admin/…`: what operators and their tools do with people's data, over HTTP."""
