using StableDiffusion.Families;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Networks.Graphs;
using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Building;

/// <summary>A graph to save.</summary>
/// <param name="Name">The name of its folder in optimum's layout.</param>
/// <param name="Config">The config to save with it.</param>
/// <param name="Graph">The graph.</param>
internal sealed record ModelGraph(string Name, byte[] Config, GraphBuilder Graph)
{
    /// <summary>Further graphs over the same weights, by the names of their files.</summary>
    public IReadOnlyList<(string File, GraphBuilder Graph)> Others { get; init; } = [];

    /// <summary>Writes the graphs and the config to their folder.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="written">Receives the bytes of each weight after it is written.</param>
    /// <param name="cancellationToken">Cancels between two weights.</param>
    public void Save(string folder, Action<long> written, CancellationToken cancellationToken)
    {
        string part = Path.Combine(folder, Name);
        Directory.CreateDirectory(part);
        File.WriteAllBytes(Path.Combine(part, ModelParts.Config), Config);
        Graph.Save(Path.Combine(part, ModelParts.Graph), written, cancellationToken);
        foreach ((string file, GraphBuilder other) in Others)
            other.SaveBeside(Path.Combine(part, file), Graph);
    }

    /// <summary>Creates all graphs of a model.</summary>
    /// <param name="contents">The contents of its source.</param>
    /// <param name="source">The source, of which only the path and precision are used. 8-bit integers are added later, when the graphs in floats exist.</param>
    /// <returns>The graphs.</returns>
    /// <exception cref="ModelInvalidException">The weights contradict a config, a config is not supported, or the parts do not fit together.</exception>
    public static IReadOnlyList<ModelGraph> Make(ModelContents contents, IModelSource source)
    {
        if (contents.Networks is [{ Name: ModelParts.ControlNet } controlNet])
            return [new ModelGraph(controlNet.Name, controlNet.Config, new ControlNetGraph(controlNet.Weights, ControlNetConfig.From(controlNet.ReadConfig())).Build())];

        if (contents.Networks is [{ Name: ModelParts.Vae } vae])
            return [.. VaeGraphs.Make(vae).Select(graph => Build(graph, source.Precision))];

        if (contents.Networks is [{ Name: ModelParts.Upscaler } upscaler])
            return [Build(UpscalerGraphs.Make(upscaler), source.Precision)];

        PipelineConfig index = ReadIndex(contents);
        ModelFamily family = ModelFamily.Of(index, part => contents.Networks.FirstOrDefault(network => network.Name == part)?.ReadConfig());
        return [.. family.MakeGraphs(contents.Networks, index, source.Path).Select(graph => Build(graph, source.Precision))];
    }

    private static ModelGraph Build(NetworkGraph graph, ModelPrecision precision)
    {
        bool isHalf = precision == ModelPrecision.Half;
        GraphPrecision? own = isHalf ? GraphPrecision.Half : null, full = isHalf ? GraphPrecision.FullOfHalf : null;
        List<(string, GraphBuilder)> others = [];
        if (isHalf)
            others.Add((ModelParts.FullOf(ModelParts.Graph), graph.Build(full)));
        if (graph.BuildControlled is not null)
            others.Add((ModelParts.ControlGraph, graph.BuildControlled(full)));
        for (int branch = 0; branch < graph.BuildOuter.Count; branch++)
        {
            string file = ModelParts.OuterGraph(branch);
            others.Add((file, graph.BuildOuter[branch](own)));
            if (isHalf)
                others.Add((ModelParts.FullOf(file), graph.BuildOuter[branch](full)));
        }

        return new ModelGraph(graph.Name, graph.Config, graph.Build(own)) { Others = others };
    }

    private static PipelineConfig ReadIndex(ModelContents contents)
    {
        (string path, byte[] bytes) = contents.Files.First(static file => file.Path == PipelineConfig.FileName);
        return PipelineConfig.From(ConfigFile.Parse(bytes, path));
    }
}
