using StableDiffusion.Families;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Building;

/// <summary>A whole model in a single file, as model sites offer it.</summary>
/// <param name="path">The file's full path.</param>
/// <param name="options">How it is read.</param>
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
            List<ModelNetwork> networks = [];
            Add(ModelParts.TextEncoder, checkpoint.TextEncoder);
            Add(ModelParts.TextEncoder2, checkpoint.TextEncoder2);
            Add(ModelParts.UNet, checkpoint.UNet);
            networks.Add(options.Vae is null
                ? Network(ModelParts.Vae, checkpoint.Vae ?? throw Checkpoint.NoVae(file))
                : OpenVae(options.Vae, checkpoint.Family, opened));
            return new ModelContents(networks, Files(checkpoint), opened)
            {
                Family = checkpoint.Family,
                Variant = checkpoint.Variant,
                Findings = checkpoint.Findings,
            };

            void Add(string name, CheckpointPart? part)
            {
                if (part is not null)
                    networks.Add(Network(name, part));
            }
        }
        catch
        {
            opened.ForEach(item => item.Dispose());
            throw;
        }
    }

    private static IReadOnlyList<string> VaeFiles(string vae) => Directory.Exists(vae)
        ? [System.IO.Path.Combine(vae, ModelParts.Config), FolderWeights.Find(vae, FolderWeights.OtherStem)]
        : [vae];

    private ModelNetwork Network(string name, CheckpointPart part) => new(name, path, CheckpointPart.ToJson(part.Config), part.Weights);

    private static ModelNetwork OpenVae(string vae, ModelFamily family, List<IDisposable> opened)
    {
        if (Directory.Exists(vae))
        {
            string config = VaeFiles(vae)[0];
            (IWeights weights, IDisposable file) = FolderWeights.Open(VaeFiles(vae)[1]);
            opened.Add(file);
            return new ModelNetwork(ModelParts.Vae, config, ConfigFile.ReadBytes(config), weights);
        }

        ITensorFile vaeFile = TensorFile.Open(vae);
        opened.Add(vaeFile);
        CheckpointPart part = Checkpoint.OpenVae(vaeFile, family);
        return new ModelNetwork(ModelParts.Vae, vae, CheckpointPart.ToJson(part.Config), part.Weights);
    }

    private static List<(string Path, byte[] Bytes)> Files(Checkpoint checkpoint)
    {
        List<(string, byte[])> files =
        [
            (PipelineConfig.FileName, CheckpointPart.ToJson(checkpoint.ModelIndex)),
            (System.IO.Path.Combine("scheduler", "scheduler_config.json"), CheckpointPart.ToJson(checkpoint.SchedulerConfig)),
        ];
        if (checkpoint.TextEncoder is not null)
            files.AddRange(PublicTokenizer.Files(ModelParts.Tokenizer, isOpenClip: checkpoint.Family == ModelFamily.StableDiffusion2));
        if (checkpoint.TextEncoder2 is not null)
            files.AddRange(PublicTokenizer.Files(ModelParts.Tokenizer2, isOpenClip: true));
        return files;
    }
}
