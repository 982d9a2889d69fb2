using StableDiffusion.Families;
using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Building;

/// <summary>A complete model in a single file (checkpoint).</summary>
/// <param name="path">The file's full path.</param>
/// <param name="options">The import options.</param>
internal sealed class CheckpointSource(string path, ImportOptions options) : IModelSource
{
    public string Path => path;

    public string NamingFile => path;

    public string Options => $"ema {options.PreferEma}\nprediction {options.PredictionType}\nprecision {options.Precision}\n";

    public ModelPrecision Precision => options.Precision;

    public IReadOnlyList<(string Name, string Path)> Inputs =>
    [
        ("checkpoint", path),
        .. options.Vae is null ? [] : VaeFiles(options.Vae).Select(file => ($"vae/{System.IO.Path.GetFileName(file)}", file)),
    ];

    public ModelContents Open()
    {
        ITensorFile file = TensorFile.Open(path);
        List<IDisposable> opened = [file];
        try
        {
            Checkpoint checkpoint = Checkpoint.Open(file, options.PreferEma, options.PredictionType);
            CheckpointPart? vae = checkpoint.Find(ModelParts.Vae);
            List<ModelNetwork> networks = [.. checkpoint.Networks.Where(part => part != vae).Select(part => Network(part, path))];
            networks.Add(options.Vae is null
                ? Network(vae ?? throw Checkpoint.NoVae(file), path)
                : OpenVae(options.Vae, checkpoint.Family, opened));
            return new ModelContents(networks, Files(checkpoint), opened)
            {
                Family = checkpoint.Family,
                Variant = checkpoint.Variant,
                Findings = checkpoint.Findings,
            };
        }
        catch
        {
            opened.ForEach(item => item.Dispose());
            throw;
        }
    }

    private static IReadOnlyList<string> VaeFiles(string vae)
    {
        if (!Directory.Exists(vae))
            return [vae];

        (string config, string weights) = VaeFolder(vae);
        return [config, .. FolderWeights.Files(weights)];
    }

    private static (string Config, string Weights) VaeFolder(string folder)
    {
        string config = System.IO.Path.Combine(folder, ModelParts.Config);
        FolderLinks.Check(folder, config);
        return (config, FolderWeights.Find(folder, string.Empty, FolderWeights.OtherStem));
    }

    private static ModelNetwork Network(CheckpointPart part, string path) => new(part.Name, path, CheckpointPart.ToJson(part.Config), part.Weights);

    private static ModelNetwork OpenVae(string vae, ModelFamily family, List<IDisposable> opened)
    {
        if (Directory.Exists(vae))
        {
            (string config, string weights) = VaeFolder(vae);
            (IWeights vaeWeights, IDisposable file) = FolderWeights.Open(weights);
            opened.Add(file);
            ModelNetwork network = new(ModelParts.Vae, config, ConfigFile.ReadBytes(config), vaeWeights);
            return VaeTraits.IsTiny(network.ReadConfig()) ? throw TinyVaeFile.Refuse(vae) : network;
        }

        ITensorFile vaeFile = TensorFile.Open(vae);
        opened.Add(vaeFile);
        return Network(Checkpoint.OpenVae(vaeFile, family), vae);
    }

    private static IReadOnlyList<(string Path, byte[] Bytes)> Files(Checkpoint checkpoint) =>
    [
        (PipelineConfig.FileName, CheckpointPart.ToJson(checkpoint.ModelIndex)),
        (System.IO.Path.Combine("scheduler", "scheduler_config.json"), CheckpointPart.ToJson(checkpoint.SchedulerConfig)),
        .. checkpoint.TokenizerFiles,
    ];
}
