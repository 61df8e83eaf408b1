"""An OpenID provider: where it is, its keys, and what it gives for the code of somebody who has signed in there."""
