using System.Text;

namespace StableDiffusion.Settings;

/// <summary>A ControlNet that was used for an image.</summary>
public sealed record ControlNetInfo
{
    /// <summary>Its name, or the full path of its folder or file if it was given as a path.</summary>
    public required string Name { get; init; }

    /// <summary>The first ten hexadecimal digits of the SHA-256 of its weights.</summary>
    public string? Hash { get; init; }

    /// <summary>The full path of its control image, before preprocessing; null if that image did not come from a file.</summary>
    public string? Image { get; init; }

    /// <summary>The preprocessor, as the name of a <see cref="Settings.ControlPreprocessor"/>.</summary>
    public required string Preprocessor { get; init; }

    /// <summary>The factor by which its residuals were multiplied.</summary>
    public required double Scale { get; init; }

    /// <summary>The part of the steps before it took effect, 0 to 1.</summary>
    public required double Start { get; init; }

    /// <summary>The part of the steps after which it no longer took effect, 0 to 1.</summary>
    public required double End { get; init; }

    /// <summary>All of it, as one line of printable text.</summary>
    /// <returns>The text.</returns>
    public override string ToString()
    {
        StringBuilder text = new($"{nameof(ControlNetInfo)} {{ ");
        PrintMembers(text);
        return PrintableText.Of(text.Append(" }").ToString());
    }

    /// <summary>A setting of each ControlNet; null if there are none.</summary>
    internal static T[]? Each<T>(IReadOnlyList<ControlNetInfo>? nets, Func<ControlNetInfo, T> setting) => nets is null ? null : [.. nets.Select(setting)];
}
