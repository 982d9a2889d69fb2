using StableDiffusion.Storage;

namespace StableDiffusion.Pipelines;

/// <summary>Receives what a pipeline has to say, on the calling thread. Each may be null.</summary>
/// <param name="Loading">The progress of opening parts of the model.</param>
/// <param name="Warning">Non-fatal warnings.</param>
/// <param name="Note">What was done of itself, in a sentence.</param>
internal sealed record PipelineMessages(Action<ProgressReport>? Loading = null, Action<string>? Warning = null, Action<string>? Note = null);
