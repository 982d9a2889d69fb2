using Google.Protobuf;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Running;
using StableDiffusion.Tests.Onnx;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Models whose U-Net leaves the number of rows open, computes what it did for one, and fails for more.</summary>
internal static class ChangedUNet
{
    /// <summary>More floats than any computer has memory for.</summary>
    private const long Huge = 1L << 50;

    /// <summary>Opens a model whose U-Net takes one timestep.</summary>
    /// <param name="model">The folder of the model, which stays as it is.</param>
    /// <param name="folder">Receives the changed one.</param>
    public static DiffusionModel OpenForOneTimestep(string model, TemporaryFolder folder) => Open(model, folder, static graph =>
    {
        foreach (NodeProto node in graph.Node)
        {
            for (int i = 0; i < node.Input.Count; i++)
                node.Input[i] = node.Input[i] == "timestep" ? "only_timestep" : node.Input[i];
        }

        graph.Initializer.Add(SmallGraph.Integers("one", 1));
        graph.Node.Insert(0, new NodeProto { OpType = "Reshape", Input = { "timestep", "one" }, Output = { "only_timestep" } });
    });

    /// <summary>Opens a model whose U-Net asks for more memory than there is where it has two rows.</summary>
    /// <inheritdoc cref="OpenForOneTimestep"/>
    public static DiffusionModel OpenForOneRow(string model, TemporaryFolder folder) => Open(model, folder, static graph =>
    {
        foreach (NodeProto node in graph.Node)
        {
            for (int i = 0; i < node.Output.Count; i++)
                node.Output[i] = node.Output[i] == "out_sample" ? "predicted" : node.Output[i];
        }

        graph.Initializer.Add([SmallGraph.Integers("one", 1), SmallGraph.Integers("huge", Huge), SmallGraph.Integer("first", 0)]);
        graph.Node.Add(
        [
            new NodeProto { OpType = "Shape", Input = { "sample" }, Output = { "lengths" } },
            new NodeProto { OpType = "Gather", Input = { "lengths", "first" }, Output = { "rows" } },
            new NodeProto { OpType = "Sub", Input = { "rows", "one" }, Output = { "others" } },
            new NodeProto { OpType = "Mul", Input = { "others", "huge" }, Output = { "many" } },
            new NodeProto { OpType = "Add", Input = { "many", "one" }, Output = { "length" } },
            new NodeProto { OpType = "ConstantOfShape", Input = { "length" }, Output = { "zeros" } },
            new NodeProto { OpType = "ReduceMax", Input = { "zeros" }, Output = { "zero" } },
            new NodeProto { OpType = "Add", Input = { "predicted", "zero" }, Output = { "out_sample" } },
        ]);
    });

    private static DiffusionModel Open(string model, TemporaryFolder folder, Action<GraphProto> change)
    {
        Repository.Copy(model, folder.Path);
        string unet = folder["unet", "model.onnx"];
        ModelProto proto = ModelProto.Parser.ParseFrom(File.ReadAllBytes(unet));
        change(proto.Graph);
        File.SetAttributes(unet, FileAttributes.Normal);
        File.WriteAllBytes(unet, proto.ToByteArray());
        return new DiffusionModel(ModelReader.Read(folder.Path, folder.Path, TestContext.Current.CancellationToken), Device.Cpu);
    }
}
