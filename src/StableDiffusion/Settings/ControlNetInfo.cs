namespace StableDiffusion.Settings;

/// <summary>A ControlNet that took part in the making of an image.</summary>
public sealed record ControlNetInfo
{
    /// <summary>Its name, or the full path of its folder or file where it was given by that.</summary>
    public required string Name { get; init; }

    /// <summary>The first ten hexadecimal digits of the SHA-256 of its weights.</summary>
    public string? Hash { get; init; }

    /// <summary>The full path of the image that it looked at, before its preprocessing; null where that came from no file.</summary>
    public string? Image { get; init; }

    /// <summary>What was made of the image, by the name of a <see cref="Settings.ControlPreprocessor"/>.</summary>
    public required string Preprocessor { get; init; }

    /// <summary>What its answers were multiplied by.</summary>
    public required double Scale { get; init; }

    /// <summary>The part of the steps before it took effect, 0 to 1.</summary>
    public required double Start { get; init; }

    /// <summary>The part of the steps after which it no longer did, 0 to 1.</summary>
    public required double End { get; init; }

    /// <summary>One setting of several ControlNets.</summary>
    internal static T[]? Each<T>(IReadOnlyList<ControlNetInfo>? nets, Func<ControlNetInfo, T> setting) => nets is null ? null : [.. nets.Select(setting)];
}
