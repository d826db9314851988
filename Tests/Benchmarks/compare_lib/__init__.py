# Owns nothing: the comparison's parts are the modules of this package.
