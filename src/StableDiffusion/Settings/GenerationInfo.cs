using System.Text;

namespace StableDiffusion.Settings;

/// <summary>The settings that made a latent or an image, without the defaults, and the values that they were resolved to. Null means unknown.</summary>
public sealed record GenerationInfo : GenerationSettings
{
    /// <summary>Initializes an empty record.</summary>
    public GenerationInfo()
    {
    }

    internal GenerationInfo(GenerationSettings settings)
        : base(settings)
    {
    }

    /// <summary>The ControlNets that were used; null if there were none.</summary>
    public IReadOnlyList<ControlNetInfo>? ControlNets { get; init; }

    /// <summary>The LoRAs' names with the hashes that A1111 uses for them; null if there were none.</summary>
    public string? LoraHashes { get; init; }

    /// <summary>The names of the textual inversion embeddings with the hashes that A1111 uses for them; null if there were none.</summary>
    public string? TextualInversionHashes { get; init; }

    /// <summary>The first ten hexadecimal digits of the SHA-256 of the weights of the autoencoder that is used in place of the model's own.</summary>
    [Setting(Key = "VAE hash", IsOwnKey = true, IsOfStart = true)]
    public string? VaeHash { get; init; }

    /// <summary>The first ten hexadecimal digits of the SHA-256 of the model's U-Net weights.</summary>
    [Setting(Key = "Model hash")]
    public string? ModelHash { get; init; }

    /// <summary>The stages that made it, of which the settings above describe the last denoising; null if unknown.</summary>
    public StageList? Stages { get; init; }

    /// <summary>All settings, as one line of printable text.</summary>
    /// <returns>The text.</returns>
    public override string ToString()
    {
        StringBuilder text = new($"{nameof(GenerationInfo)} {{ ");
        PrintMembers(text);
        return PrintableText.Of(text.Append(" }").ToString());
    }
}
