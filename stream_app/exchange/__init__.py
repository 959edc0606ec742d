"""Rules of other systems: FortiSIEM's XML and pages, and Sigma, become rule files of ours; ours become XML."""
