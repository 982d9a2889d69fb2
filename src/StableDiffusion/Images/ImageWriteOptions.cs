using StableDiffusion.Storage;

namespace StableDiffusion.Images;

/// <summary>How a picture is written.</summary>
public sealed record ImageWriteOptions
{
    /// <summary>The quality where nobody says.</summary>
    public const int DefaultQuality = 95;

    private readonly int _quality = DefaultQuality;

    /// <summary>Whether a file of the same name is replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Whether a name that is taken gets a number behind it, as <see cref="FileNames.Unique"/> does it; then nothing is replaced.</summary>
    public bool AddsNumber { get; init; }

    /// <summary>The quality of JPEG and lossy WebP, 1 to 100; PNG has no use for it.</summary>
    /// <exception cref="InvalidSettingException">The value lies outside 1 to 100.</exception>
    public int Quality
    {
        get => _quality;
        init => _quality = value is >= 1 and <= 100
            ? value
            : throw new InvalidSettingException(nameof(Quality), $"A quality of {value} is not between 1 and 100.");
    }

    /// <summary>Whether what made the picture is written into the file, as A1111 does it.</summary>
    public bool Metadata { get; init; } = true;
}
