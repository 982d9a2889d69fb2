namespace StableDiffusion.Networks.Configs;

/// <summary>The configuration of a model's pipeline: its <c>model_index.json</c>.</summary>
internal sealed record PipelineConfig
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "model_index.json";

    /// <summary>The diffusers class of the pipeline, such as <c>StableDiffusionPipeline</c>.</summary>
    public required string ClassName { get; init; }

    /// <summary>Whether zeros are used in place of a missing negative prompt, instead of the encoded empty prompt; null for the family's default.</summary>
    public bool? ForcesZeros { get; init; }

    /// <summary>Whether the U-Net uses an aesthetic score, as SDXL's refiner does.</summary>
    public bool RequiresAestheticsScore { get; init; }

    /// <summary>Reads the configuration of a model.</summary>
    /// <param name="file">The <c>model_index.json</c>.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="ModelInvalidException">It is damaged, or names no pipeline.</exception>
    public static PipelineConfig From(ConfigFile file) => new()
    {
        ClassName = file.RequiredText("_class_name"),
        ForcesZeros = file.OptionalFlag("force_zeros_for_empty_prompt"),
        RequiresAestheticsScore = file.Flag("requires_aesthetics_score", false),
    };
}
