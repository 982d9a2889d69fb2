namespace StableDiffusion.Networks.Configs;

/// <summary>What a model's <c>model_index.json</c> says of how its parts work together.</summary>
internal sealed record PipelineConfig
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "model_index.json";

    private const string LargePrefix = "StableDiffusionXL";
    private const string LargeInpainting = LargePrefix + "InpaintPipeline";

    /// <summary>The diffusers class that it is made for, such as <c>StableDiffusionPipeline</c>.</summary>
    public required string ClassName { get; init; }

    /// <summary>Whether it is SDXL or its refiner, whose U-Net takes a pooled text and sizes, and the text encoders' last layer but one.</summary>
    public bool IsLarge => ClassName.StartsWith(LargePrefix, StringComparison.Ordinal);

    /// <summary>Whether a negative prompt that is not given stands for zeros rather than for the empty prompt.</summary>
    public required bool ZerosMissingPrompt { get; init; }

    /// <summary>Whether the U-Net takes an aesthetic score, as SDXL's refiner does.</summary>
    public required bool TakesAestheticScore { get; init; }

    /// <summary>The guidance scale that diffusers' class takes where nobody says.</summary>
    public double DefaultGuidanceScale => IsLarge && ClassName != LargeInpainting ? 5.0 : 7.5;

    /// <summary>Takes a model's index.</summary>
    /// <param name="file">The index.</param>
    /// <returns>The config.</returns>
    /// <exception cref="ModelInvalidException">It is damaged.</exception>
    public static PipelineConfig From(ConfigFile file)
    {
        string className = file.Text("_class_name", "StableDiffusionPipeline");
        return new PipelineConfig
        {
            ClassName = className,
            ZerosMissingPrompt = file.Flag("force_zeros_for_empty_prompt", className.StartsWith(LargePrefix, StringComparison.Ordinal)),
            TakesAestheticScore = file.Flag("requires_aesthetics_score", false),
        };
    }
}
