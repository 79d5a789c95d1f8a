"""How action recognition is measured.

Of each data set (`tasks`) some clips are trained on and some tested on (`splits`). What is read of each frame, and the
classifier that reads it, is a system (`systems`); one training of it is a fit (`fits`), at a learning rate that is
searched (`rate_search`). Results are kept in files (`results`), and the commands (`command`) make tables (`tables`) of
them.
"""
