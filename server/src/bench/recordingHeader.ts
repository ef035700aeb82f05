/** What is kept beside the events of a run. */
import type { BenchParams, BenchPreview } from './messages.ts';
import type { BenchRequest } from './protocol.generated.ts';
import { type RecordingHeader, withoutSecrets } from './recording.ts';

export interface HeaderSources {
  readonly label: string;
  readonly launch: RecordingHeader['launch'];
  /** What the editor was asked for; absent for a command. */
  readonly params?: BenchParams;
  readonly preview: Pick<BenchPreview, 'interpreter' | 'environment'>;
  /** As the runner was asked. */
  readonly request: BenchRequest;
  readonly startedAt: Date;
  readonly version: string;
  /** True for the name of a variable that is about threads; no other is kept. */
  readonly aboutThreads: (name: string) => boolean;
}

export function recordingHeader({ label, launch, params, preview, request, startedAt, version, aboutThreads }: HeaderSources): Omit<RecordingHeader, 'sources'> {
  const kept = withoutSecrets(request, aboutThreads);
  return {
    label,
    launch,
    ...(params ? { params } : {}),
    startedAt: startedAt.toISOString(),
    version,
    interpreter: preview.interpreter === null ? null : { path: preview.interpreter.path, from: preview.interpreter.from },
    environment: preview.environment.filter(({ name }) => aboutThreads(name)),
    request: kept.request,
    omittedVariables: kept.omitted,
  };
}
