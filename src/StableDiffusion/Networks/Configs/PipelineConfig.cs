namespace StableDiffusion.Networks.Configs;

/// <summary>What a model's <c>model_index.json</c> says of how its parts work together.</summary>
internal sealed record PipelineConfig
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "model_index.json";

    /// <summary>The diffusers class that it is made for, such as <c>StableDiffusionPipeline</c>.</summary>
    public required string ClassName { get; init; }

    /// <summary>Whether zeros take the place of a missing negative prompt, instead of the encoded empty prompt; null for the family's default.</summary>
    public bool? ForcesZeros { get; init; }

    /// <summary>Whether the U-Net takes an aesthetic score, as SDXL's refiner does.</summary>
    public bool RequiresAestheticsScore { get; init; }

    /// <summary>Takes a model's index.</summary>
    /// <param name="file">The index.</param>
    /// <returns>The config.</returns>
    /// <exception cref="ModelInvalidException">It is damaged.</exception>
    public static PipelineConfig From(ConfigFile file) => new()
    {
        ClassName = file.Text("_class_name", "StableDiffusionPipeline"),
        ForcesZeros = file.OptionalFlag("force_zeros_for_empty_prompt"),
        RequiresAestheticsScore = file.Flag("requires_aesthetics_score", false),
    };
}
