"""Steps of the way back beside traffic and flag: done by what a target's file declares, and verified by a read."""
