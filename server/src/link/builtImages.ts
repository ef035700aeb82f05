/** Which Dockerfile an image is built from, by the commands of the workspace that build it. */
import { readImageBuild } from '../core/containerRun.ts';
import type { FileFacts, LaunchFact } from '../core/fact.ts';
import { factsOfKind } from '../core/factsOfKind.ts';
import { stringValue, type Value } from '../core/value.ts';
import { knownText } from './commandLine.ts';
import { perFile } from '../core/perFile.ts';

/** What replaces the defaults of a Dockerfile's ARG, by name. */
export type BuildArguments = ReadonlyMap<string, Value>;

export interface BuiltImage {
  /** Path as `docker build` takes it: `-f FILE`, else `Dockerfile` of the context. */
  readonly path: string;
  /** The stage that is built; null = the last. */
  readonly target: string | null;
  readonly buildArguments: BuildArguments;
  readonly file: FileFacts;
  readonly launch: LaunchFact;
}

/** Images by name without tag; of several commands that build one, the first. */
export function builtImages(files: ReadonlyMap<string, FileFacts>): ReadonlyMap<string, BuiltImage> {
  const images = new Map<string, BuiltImage>();
  for (const file of files.values()) for (const [name, image] of imagesOfFile(file)) if (!images.has(name)) images.set(name, image);
  return images;
}

const imagesOfFile = perFile((file): ReadonlyMap<string, BuiltImage> => {
  const images = new Map<string, BuiltImage>();
  for (const launch of factsOfKind(file, 'launch')) {
    if (launch.argv.length < 4) continue;
    const words = launch.argv.map(({ value }) => knownText(value));
    const at = words.findIndex((word) => word !== null && /(?:^|\/)(?:docker|podman|nerdctl|buildah)$/.test(word));
    const build = at < 0 ? null : readImageBuild(words, at);
    if (!build) continue;
    const path = build.file ?? `${build.context.replace(/\/+$/, '')}/Dockerfile`;
    for (const name of build.names) if (!images.has(name)) images.set(name, { path, target: build.target, buildArguments: new Map(build.buildArguments.map((argument) => [argument.name, argument.value === null ? { kind: 'environment', name: `${argument.name} of the shell that builds the image` } : stringValue(argument.value)])), file, launch });
  }
  return images;
});
