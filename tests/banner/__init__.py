"""The banner in a browser: its states, equal prominence, access for everybody, and the page around it."""
