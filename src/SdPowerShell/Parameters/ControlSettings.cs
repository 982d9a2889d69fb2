using StableDiffusion;
using StableDiffusion.Images;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;

namespace SdPowerShell.Parameters;

/// <summary>The ControlNets of the parameters: a list for each setting, where one value applies to all ControlNets.</summary>
internal sealed class ControlSettings(IReadOnlyList<string> nets, Func<string, DiffusionImage> read)
{
    /// <summary>Combines the settings of each ControlNet.</summary>
    /// <param name="images">Images, or the paths of images.</param>
    /// <param name="preprocessors">The preprocessor for each.</param>
    /// <param name="scales">The scale of each, by which its residuals are multiplied.</param>
    /// <param name="starts">The part of the steps before each takes effect, 0 to 1.</param>
    /// <param name="ends">The part of the steps after which each no longer takes effect, 0 to 1.</param>
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
        ?? throw new InvalidSettingException("ControlImage", "A ControlNet needs an image, and none is given. Give the path of one with ControlImage.");
}
