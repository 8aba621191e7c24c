"""The same questions asked through Colonnade, its peers, hand-written code and bare drivers."""
