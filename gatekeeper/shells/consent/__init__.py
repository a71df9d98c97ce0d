"""`/gk/consent`: the state and the notice, a choice, a withdrawal; as HTML the page that works without script."""
