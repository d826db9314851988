# Owns nothing: the parts of the failover benchmark are the modules of this package.
