using StableDiffusion.Adapters;
using StableDiffusion.Pipelines;

namespace StableDiffusion.Replaying;

/// <summary>Runs a stage with a model.</summary>
/// <param name="model">The name of the model, or its path; null for the one that ships with the engine.</param>
/// <param name="adapters">The adapters to open it with.</param>
/// <param name="run">The stage.</param>
/// <returns>The result of the stage.</returns>
public delegate object? StageUse(string? model, AdapterSet adapters, Func<DiffusionPipeline, object?> run);
