using StableDiffusion.Onnx.Checks;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Storage;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Onnx.Graphs;

/// <summary>Reads files of graphs, to look at them or to change a copy in memory.</summary>
internal static class GraphFile
{
    private const int ProducerField = 2;
    private const int LongestProducer = 1000;

    /// <summary>Whether <see cref="GraphBuilder"/> wrote a graph, so that its operators are known.</summary>
    /// <param name="path">The full path of the <c>.onnx</c> file.</param>
    /// <exception cref="ModelInvalidException">The file cannot be read.</exception>
    public static bool IsOwn(string path)
    {
        string? producer = null;
        try
        {
            Read(path, stream =>
            {
                ProtobufReader reader = new(stream);
                reader.ReadFields(reader.Length, (field, wire, end) =>
                {
                    if (field != ProducerField || wire != ProtobufReader.Wire.Length)
                        return false;
                    producer = reader.ReadText(end, LongestProducer);
                    return true;
                });
                return reader;
            });
        }
        catch (InvalidDataException)
        {
            // Opening it says what is wrong with it.
        }

        return producer == GraphBuilder.Producer;
    }

    /// <summary>Reads a graph.</summary>
    /// <param name="path">The full path of the <c>.onnx</c> file.</param>
    /// <exception cref="ModelInvalidException">The file cannot be read.</exception>
    public static ModelProto Read(string path) => Read(path, ModelProto.Parser.ParseFrom);

    /// <summary>Whether operators of a graph compute in half precision: whether the weights that they read are in it.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="operators">The names of the operators; their second input is the weight.</param>
    public static bool IsHalf(GraphProto graph, params string[] operators)
    {
        HashSet<string> halves = [.. graph.Initializer.Where(static weight => weight.DataType == DataType.Float16).Select(static weight => weight.Name)];
        return graph.Node.Any(node => operators.Contains(node.OpType) && halves.Contains(node.Input[1]));
    }

    /// <summary>Reads something of a graph's file.</summary>
    /// <param name="path">The full path of the <c>.onnx</c> file.</param>
    /// <param name="read">Reads it.</param>
    /// <exception cref="ModelInvalidException">The file cannot be read.</exception>
    public static T Read<T>(string path, Func<FileStream, T> read)
    {
        try
        {
            using FileStream stream = RegularFile.Open(path);
            return read(stream);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelInvalidException($"The graph '{path}' cannot be read: {Sentence.Of(error)} Get the model again.", error);
        }
    }
}
