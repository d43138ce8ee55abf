"""Build every kind of figure from public tables: ``python -m scaling_bayes.gallery docs/figures``.

Most are of quick fits (Huber + bootstrap); what each shows is said in its caption and in the JSON beside it.
"""

from scaling_bayes.gallery.builds import BUILDS as BUILDS
from scaling_bayes.gallery.page import read_call as read_call
from scaling_bayes.gallery.page import write_gallery as write_gallery
from scaling_bayes.gallery.page import write_page as write_page
