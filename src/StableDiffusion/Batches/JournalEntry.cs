using StableDiffusion.Settings;

namespace StableDiffusion.Batches;

/// <summary>A line of a journal: how the work on one image of a row ended.</summary>
public sealed record JournalEntry
{
    /// <summary>When it ended.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>How it ended.</summary>
    public required JournalStatus Status { get; init; }

    /// <summary>The row in words, such as <c>Row 3 ('a red house', house.png)</c>; null if there was only one piece of work.</summary>
    public string? Row { get; init; }

    /// <summary>The full path of the file; null if none was written.</summary>
    public string? File { get; init; }

    /// <summary>The settings that made the image, without its stages; null if it failed.</summary>
    public GenerationInfo? Settings { get; init; }

    /// <summary>The first 16 hexadecimal digits of the SHA-256 of the pixels that were made; null if there are none, or unknown.</summary>
    public string? Pixels { get; init; }

    /// <summary>How many seconds the work on this image took; null if it failed.</summary>
    public double? Seconds { get; init; }

    /// <summary>The device that it was made on; null if it failed, or unknown.</summary>
    public string? Device { get; init; }

    /// <summary>The id of the error; null if there was none.</summary>
    public string? ErrorId { get; init; }

    /// <summary>The error in words; null if there was none.</summary>
    public string? Message { get; init; }

    /// <summary>The prompt; null if it failed.</summary>
    public string? Prompt => Settings?.Prompt;

    /// <summary>The seed; null if it failed.</summary>
    public long? Seed => Settings?.Seed;

    /// <summary>The entry in words.</summary>
    /// <returns>The status, and the file, the row or the message, in one printable line.</returns>
    public override string ToString() => PrintableText.Of($"{Status} {Message ?? File ?? Row}".TrimEnd());
}
