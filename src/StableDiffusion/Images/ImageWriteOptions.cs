using StableDiffusion.Storage;

namespace StableDiffusion.Images;

/// <summary>Options for writing an image.</summary>
public sealed record ImageWriteOptions
{
    /// <summary>The default quality.</summary>
    public const int DefaultQuality = 95;

    private readonly int _quality = DefaultQuality;

    /// <summary>Whether an existing file is replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Whether a number is appended to the name if the file exists, as <see cref="FileNames.Unique"/> does; then nothing is replaced.</summary>
    public bool AddsNumber { get; init; }

    /// <summary>The quality of JPEG and lossy WebP, 1 to 100; not used for PNG.</summary>
    /// <exception cref="InvalidSettingException">The value is not between 1 and 100.</exception>
    public int Quality
    {
        get => _quality;
        init => _quality = value is >= 1 and <= 100
            ? value
            : throw new InvalidSettingException(nameof(Quality), $"A quality of {value} is not between 1 and 100.");
    }

    /// <summary>Whether the settings of the image are written to the file, in A1111's form.</summary>
    public bool Metadata { get; init; } = true;
}
