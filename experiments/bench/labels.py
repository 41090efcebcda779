#!/usr/bin/env python3
"""Writes a synthetic counts file (tags,count) that looks like a multi-label data set; the same one for the same arguments.

Classes have Zipf frequencies and belong to groups; a sample has a topic and takes most of its tags from the topic's group, so
tags of a group occur together. Nothing of it comes from real data.

    labels.py --classes 80 --samples 118000 > coco-like.csv
    labels.py --classes 1000 --tag-sets 50000 > large.csv
"""
import argparse
import bisect
import itertools
import random

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--classes", type=int, required=True)
stop = parser.add_mutually_exclusive_group(required=True)
stop.add_argument("--samples", type=int, help="draw this many samples")
stop.add_argument("--tag-sets", type=int, help="draw samples until there are this many distinct tag sets")
parser.add_argument("--groups", type=int, default=12)
parser.add_argument("--zipf", type=float, default=1.0, help="frequency of class k is about 1/(k+1)^ZIPF")
parser.add_argument("--focus", type=float, default=0.75, help="share of the tags that come from the topic's group")
parser.add_argument("--more", type=float, default=0.68, help="chance of one more tag")
parser.add_argument("--most", type=int, default=15, help="largest multiplicity")
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()

rng = random.Random(args.seed)
weight = [(k + 1) ** -args.zipf for k in range(args.classes)]
members = [[k for k in range(args.classes) if k % args.groups == g] for g in range(args.groups)]


def table(classes):
    return classes, list(itertools.accumulate(weight[k] for k in classes))


def draw(choice):
    classes, total = choice
    return classes[bisect.bisect(total, rng.random() * total[-1])]


every = table(list(range(args.classes)))
group = [table(m) for m in members]
counts = {}
samples = 0
while samples < args.samples if args.samples else len(counts) < args.tag_sets:
    first = draw(every)
    tags = {first}
    while len(tags) < min(args.most, args.classes) and rng.random() < args.more:
        tags.add(draw(group[first % args.groups] if rng.random() < args.focus else every))
    key = tuple(sorted(tags))
    counts[key] = counts.get(key, 0) + 1
    samples += 1

print("tags,count")
for key, count in counts.items():
    print("+".join(map(str, key)) + "," + str(count))
