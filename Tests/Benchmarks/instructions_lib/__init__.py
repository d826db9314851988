# Owns nothing: the count's parts are the modules of this package.
