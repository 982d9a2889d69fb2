using StableDiffusion.Models.Configs;
using StableDiffusion.Models.Graphs;
using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Models.Building;

/// <summary>A graph that is ready to be saved.</summary>
/// <param name="Name">Its folder's name in optimum's layout.</param>
/// <param name="Config">The config to keep beside it.</param>
/// <param name="Graph">The graph.</param>
internal sealed record ModelGraph(string Name, byte[] Config, GraphBuilder Graph)
{
    /// <summary>Makes all graphs of a model.</summary>
    /// <param name="contents">What its source holds.</param>
    /// <param name="source">The source's path, for messages.</param>
    /// <returns>The graphs.</returns>
    /// <exception cref="ModelInvalidException">The weights contradict a config, a config asks for what is not built, or the parts do not fit together.</exception>
    public static IReadOnlyList<ModelGraph> Make(ModelContents contents, string source)
    {
        PipelineConfig pipeline = ReadIndex(contents);
        UNetConfig? unet = null;
        int textWidth = 0;
        List<ModelGraph> graphs = [];
        foreach (ModelNetwork network in contents.Networks)
        {
            ConfigFile config = network.ReadConfig();
            switch (network.Name)
            {
                case ModelParts.UNet:
                    unet = UNetConfig.From(config);
                    Add(network.Name, new UNetGraph(network.Weights, unet).Build());
                    break;
                case ModelParts.Vae:
                    VaeConfig vae = VaeConfig.From(config);
                    Add(ModelParts.VaeEncoder, new VaeEncoderGraph(network.Weights, vae).Build());
                    Add(ModelParts.VaeDecoder, new VaeDecoderGraph(network.Weights, vae).Build());
                    break;
                default:
                    ClipTextConfig text = ClipTextConfig.From(config);
                    textWidth += text.Width;
                    Add(network.Name, new ClipTextGraph(network.Weights, text, pipeline.IsLarge).Build());
                    break;
            }

            void Add(string name, GraphBuilder graph) => graphs.Add(new ModelGraph(name, network.Config, graph));
        }

        if (unet is null)
            throw new ModelNotFoundException($"'{source}' holds no U-Net, which a model must have.");
        if (unet.TextWidth != textWidth)
        {
            throw new ModelInvalidException(
                $"The text encoder of '{source}' gives embeddings of width {textWidth} ('hidden_size'), " +
                $"and its U-Net takes {unet.TextWidth} ('cross_attention_dim'). The parts belong to different models.");
        }

        return unet.Added is not null == pipeline.IsLarge
            ? graphs
            : throw new ModelInvalidException(
                $"'{source}' says that it is made for {pipeline.ClassName} ('_class_name'), and its U-Net " +
                $"{(pipeline.IsLarge ? "takes no" : "takes a")} pooled text ('addition_embed_type'). The parts belong to different models.");
    }

    private static PipelineConfig ReadIndex(ModelContents contents)
    {
        (string path, byte[] bytes) = contents.Files.First(static file => file.Path == PipelineConfig.FileName);
        return PipelineConfig.From(ConfigFile.Parse(bytes, path));
    }
}
