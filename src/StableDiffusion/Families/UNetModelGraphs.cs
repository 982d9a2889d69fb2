using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Networks.Graphs;
using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Families;

/// <summary>Makes the graphs of models with a U-Net, CLIP text encoders and an autoencoder.</summary>
/// <param name="family">The family of the model.</param>
internal sealed class UNetModelGraphs(UNetFamily family)
{
    /// <inheritdoc cref="ModelFamily.MakeGraphs"/>
    public IReadOnlyList<NetworkGraph> Make(IReadOnlyList<ModelNetwork> networks, PipelineConfig index, string path)
    {
        UNetConfig? unet = null;
        VaeConfig? vae = null;
        int textWidth = 0;
        List<NetworkGraph> graphs = [];
        foreach (ModelNetwork network in networks)
        {
            ConfigFile config = network.ReadConfig();
            switch (network.Name)
            {
                case ModelParts.UNet:
                    unet = UNetConfig.From(config);
                    UNetGraph graph = new(network.Weights, unet);
                    Add(network.Name, precision => graph.Build(precision));
                    graphs[^1] = graphs[^1] with
                    {
                        BuildControlled = unet.Middle ? precision => graph.Build(precision, takesResiduals: true) : null,
                        BuildOuter = OuterGraphs(graph),
                    };
                    break;
                case ModelParts.Vae:
                    vae = VaeConfig.From(config);
                    graphs.AddRange(VaeGraphs.Make(network));
                    break;
                default:
                    ClipTextConfig text = ClipTextConfig.From(config);
                    textWidth += text.Width;
                    Add(network.Name, new ClipTextGraph(network.Weights, text, family.TakesPenultimateLayer).Build);
                    break;
            }

            void Add(string name, Func<GraphPrecision?, GraphBuilder> build) => graphs.Add(new NetworkGraph(name, network.Config, build));
        }

        CheckTogether(unet ?? throw new ModelNotFoundException($"'{path}' does not contain a U-Net, which a model needs."), textWidth, index, path);
        vae?.CheckLatents(unet.OutChannels, PathOf(ModelParts.Vae), PathOf(ModelParts.UNet));
        return graphs;

        string PathOf(string part) => networks.First(network => network.Name == part).ConfigPath;
    }

    private static Func<GraphPrecision?, GraphBuilder>[] OuterGraphs(UNetGraph graph) =>
        [.. Enumerable.Range(0, graph.Branches).Select(branch => (Func<GraphPrecision?, GraphBuilder>)(precision => graph.BuildOuter(branch, precision)))];

    private void CheckTogether(UNetConfig unet, int textWidth, PipelineConfig index, string path)
    {
        if (unet.TextWidth != textWidth)
        {
            throw new ModelInvalidException(
                $"The text encoder of '{path}' gives embeddings of width {textWidth} ('hidden_size'), " +
                $"and its U-Net takes {unet.TextWidth} ('cross_attention_dim'). The parts belong to different models.");
        }

        if (unet.Added is not null != family.TakesPooledText)
        {
            throw new ModelInvalidException(
                $"'{path}' says that it is made for {index.ClassName} ('_class_name'), and its U-Net " +
                $"{(family.TakesPooledText ? "takes no" : "takes a")} pooled text ('addition_embed_type'). The parts belong to different models.");
        }
    }
}
