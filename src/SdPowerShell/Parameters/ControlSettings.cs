using StableDiffusion;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;

namespace SdPowerShell.Parameters;

/// <summary>The ControlNets of the parameters: a list for each setting, where one value applies to all ControlNets.</summary>
/// <param name="cmdlet">The cmdlet that has the parameters.</param>
internal sealed class ControlSettings(DenoiseCmdlet cmdlet)
{
    /// <summary>Reads the settings of each ControlNet.</summary>
    public IReadOnlyList<ControlOptions> Read()
    {
        string[] nets = [.. (cmdlet.ControlNet ?? []).Where(net => !string.IsNullOrWhiteSpace(net))];
        if (nets.Length == 0)
        {
            foreach (string setting in Given())
                cmdlet.RefuseIdle(setting, $"{setting} needs a ControlNet, and none is given. Give one with -ControlNet, or omit {setting}.");
            return [];
        }

        if (cmdlet.ControlImage is null or [] && cmdlet.IsCarriedAlong(nameof(cmdlet.ControlNet)))
        {
            cmdlet.Warn($"The ControlNet {string.Join(", ", nets)} is not used: its control image is not known. Give the image with -ControlImage.");
            return [];
        }

        string[] models = [.. nets.Select(Resolve)];
        double[]? scales = Number.Read(cmdlet.ControlScale, nameof(cmdlet.ControlScale));
        double[]? starts = Number.Read(cmdlet.ControlStart, nameof(cmdlet.ControlStart));
        double[]? ends = Number.Read(cmdlet.ControlEnd, nameof(cmdlet.ControlEnd));
        DiffusionImage[] images = [.. Of(nameof(cmdlet.ControlImage), cmdlet.ControlImage, nets.Length, null).Select(ToImage)];
        string[] preprocessors = Of(nameof(cmdlet.ControlPreprocessor), cmdlet.ControlPreprocessor, nets.Length, nameof(ControlPreprocessor.None));
        scales = Of(nameof(cmdlet.ControlScale), scales, nets.Length, 1);
        starts = Of(nameof(cmdlet.ControlStart), starts, nets.Length, 0);
        ends = Of(nameof(cmdlet.ControlEnd), ends, nets.Length, 1);
        return [.. models.Select((net, i) => new ControlOptions(net, images[i])
        {
            Preprocessor = EnumSetting.Parse(nameof(cmdlet.ControlPreprocessor), preprocessors[i], ControlPreprocessor.None),
            Scale = scales[i],
            Start = starts[i],
            End = ends[i],
        })];
    }

    /// <summary>The settings besides ControlNet that have a value.</summary>
    private IEnumerable<string> Given() =>
        ((IEnumerable<(string Setting, IEnumerable<object?>? Values)>)
        [
            (nameof(cmdlet.ControlImage), cmdlet.ControlImage),
            (nameof(cmdlet.ControlPreprocessor), cmdlet.ControlPreprocessor),
            (nameof(cmdlet.ControlScale), cmdlet.ControlScale),
            (nameof(cmdlet.ControlStart), cmdlet.ControlStart),
            (nameof(cmdlet.ControlEnd), cmdlet.ControlEnd),
        ]).Where(control => control.Values?.Any(value => !Cell.IsEmpty(Cell.Unwrap(value))) == true).Select(control => control.Setting);

    private string Resolve(string net) => cmdlet.ResolveNetwork(nameof(cmdlet.ControlNet), net, ModelLibrary.Default.ControlNets);

    private static T[] Of<T>(string setting, T[]? values, int count, T absent) => values switch
    {
        null or [] => [.. Enumerable.Repeat(absent, count)],
        [T all] => [.. Enumerable.Repeat(all, count)],
        _ when values.Length == count => values,
        _ => throw new InvalidSettingException(setting, $"{setting} has {values.Length} values, but there are {count} ControlNets. Give one value for each ControlNet, or one for all."),
    };

    private DiffusionImage ToImage(ImageInput? given) =>
        given?.Read(nameof(cmdlet.ControlImage), path => ImageFile.Load(cmdlet.ResolveFile(path), cmdlet.CancellationToken), static image => image)
        ?? throw new InvalidSettingException(nameof(cmdlet.ControlImage), "A ControlNet needs an image, and none is given. Give the path of one with ControlImage.");
}
