using SdPowerShell.Commands;
using SdPowerShell.Parameters;
using StableDiffusion;
using StableDiffusion.Batches;
using StableDiffusion.Metadata;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace SdPowerShell.Batches;

/// <summary>What makes a row the same work when it is run again: the hash of all that changes its image, and the name made of it.</summary>
/// <param name="row">The cmdlet, with the settings of the row.</param>
/// <param name="source">The image to start from; null if there is none.</param>
internal sealed class RowIdentity(NewDiffusionImageCommand row, ImageInput? source)
{
    private IReadOnlyList<(string Name, string? Hash)>? _inputs;

    /// <summary>The hash of all settings that change the image.</summary>
    /// <param name="settings">The settings.</param>
    public RequestHash Hash(GenerationSettings settings) => Hash(settings, _inputs ??= HashImages(path => row.ResolveFile(path) is var full ? StageList.Hash<byte>(ImageFile.ReadBytes(full, ImageFile.NameOf(full))) : null));

    /// <summary>The hash of the settings as they are written, for which no file is read.</summary>
    /// <param name="settings">The settings.</param>
    public RequestHash HashOfNames(GenerationSettings settings) => Hash(settings, HashImages(static path => path));

    private RequestHash Hash(GenerationSettings settings, IReadOnlyList<(string Name, string? Hash)> inputs)
    {
        RequestHash hash = new(new GenerationInfo(settings)
        {
            Model = string.IsNullOrWhiteSpace(row.Model) ? null : row.Model,
            Lora = TextList.Write([.. Texts(row.Lora)]),
            TextualInversion = TextList.Write([.. Texts(row.TextualInversion)]),
        });
        foreach ((string name, string? input) in inputs)
            hash.Add(name, input);
        hash.Add(nameof(row.ControlNet), row.ControlNet is null ? null : string.Join('\n', row.ControlNet.Select(NameOrPath.WithoutFolder)));
        hash.Add(nameof(row.ControlPreprocessor), row.ControlPreprocessor is null ? null : string.Join('\n', row.ControlPreprocessor).ToLowerInvariant());
        hash.Add(nameof(row.ControlScale), Joined(row.ControlScale));
        hash.Add(nameof(row.ControlStart), Joined(row.ControlStart));
        hash.Add(nameof(row.ControlEnd), Joined(row.ControlEnd));
        hash.Add(nameof(row.SharedGenerator), row.SharedGenerator ? "true" : null);
        return hash;

        static IEnumerable<string> Texts(string?[]? list) => (list ?? []).Where(static text => !string.IsNullOrWhiteSpace(text)).Select(static text => text!.Trim()).Order(StringComparer.Ordinal);

        static string? Joined(Number<double>[]? numbers) => numbers is null ? null : string.Join('\n', numbers.Select(static number => $"{number}"));
    }

    /// <summary>The name that a template gives an image.</summary>
    /// <param name="template">The template.</param>
    /// <param name="settings">The settings of the image.</param>
    /// <param name="asked">Those that were given, whose hash the name can have.</param>
    /// <param name="index">Its index among those of the row.</param>
    /// <param name="count">How many images the row has.</param>
    public string Name(NameTemplate template, GenerationSettings settings, GenerationSettings asked, int index, int count)
    {
        // The model's defaults are looked up only for a field that can have one.
        Lazy<DenoiseOptions> all = new(() => row.Inspect(pipeline => pipeline.Complete(SettingTable.Create<DenoiseOptions>(column => column.Get(settings)))));
        return template.Format(field => field switch
        {
            NameTemplate.Index => OutputNames.Number(index, count),
            NameTemplate.Hash => Hash(asked).Digits,
            NameTemplate.Prompt => settings.Prompt,
            NameTemplate.Seed => settings.Seed,
            "model" => NameOrPath.WithoutFolder(row.Inspect(static pipeline => pipeline.LatentSpace.Model)),
            _ => SettingTable.Rows.First(column => column.Name.Equals(field, StringComparison.OrdinalIgnoreCase)).Get(all.Value),
        });
    }

    /// <summary>The hashes of the images that the row is made from: of files as it is given, and of the pixels of others.</summary>
    private IReadOnlyList<(string Name, string? Hash)> HashImages(Func<string, string?> ofFile)
    {
        return [(nameof(row.InitImage), Hash(nameof(row.InitImage), source)), (nameof(row.MaskImage), Hash(nameof(row.MaskImage), row.MaskImage)), (nameof(row.ControlImage), string.Join(' ', (row.ControlImage ?? []).Select(image => Hash(nameof(row.ControlImage), image))))];

        string? Hash(string parameter, ImageInput? image) => image?.Read(
            parameter,
            ofFile,
            static given => StageList.Hash<byte>(given.Pixels));
    }
}
