using StableDiffusion;
using StableDiffusion.Images;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;

namespace SdPowerShell.Parameters;

/// <summary>The ControlNets as parameters give them: a list of each setting, where one value serves all.</summary>
internal sealed class ControlSettings(IReadOnlyList<string> nets, Func<string, DiffusionImage> read)
{
    /// <summary>Puts the settings together.</summary>
    /// <param name="images">Pictures, or the paths of pictures.</param>
    /// <param name="preprocessors">What is made of each.</param>
    /// <param name="scales">How strongly each steers.</param>
    /// <param name="starts">The part of the steps before each takes effect.</param>
    /// <param name="ends">The part of the steps after which each no longer does.</param>
    public IReadOnlyList<ControlOptions> Combine(object?[]? images, string[]? preprocessors, double[]? scales, double[]? starts, double[]? ends)
    {
        DiffusionImage[] pictures = [.. Of("ControlImage", images, null).Select(ToImage)];
        string[] ways = Of("ControlPreprocessor", preprocessors, nameof(ControlPreprocessor.None));
        double[] scaleOf = Of("ControlScale", scales, 1);
        double[] startOf = Of("ControlStart", starts, 0);
        double[] endOf = Of("ControlEnd", ends, 1);
        return [.. nets.Select((net, i) => new ControlOptions(net, pictures[i])
        {
            Preprocessor = EnumSetting.Parse("ControlPreprocessor", ways[i], ControlPreprocessor.None),
            Scale = scaleOf[i],
            Start = startOf[i],
            End = endOf[i],
        })];
    }

    private T[] Of<T>(string setting, T[]? values, T absent) => values switch
    {
        null or [] => [.. Enumerable.Repeat(absent, nets.Count)],
        [T all] => [.. Enumerable.Repeat(all, nets.Count)],
        _ when values.Length == nets.Count => values,
        _ => throw new InvalidSettingException(setting, $"{setting} has {values.Length} values, but there are {nets.Count} ControlNets. Give one value for each ControlNet, or one for all."),
    };

    private DiffusionImage ToImage(object? given) => ImageSetting.Read("ControlImage", given, read, image => image)
        ?? throw new InvalidSettingException("ControlImage", "There is a ControlNet, but no picture for it to look at. Give the path of one with ControlImage.");
}
