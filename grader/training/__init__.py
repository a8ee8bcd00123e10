"""The training pass: does a student that learns with the learner's loss beat one that does not?"""
