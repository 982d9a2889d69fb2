using System.Globalization;
using Google.Protobuf;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Storage;

namespace StableDiffusion.Building;

/// <summary>Checks the file of a graph without opening it.</summary>
internal static class GraphFile
{
    // A larger graph contains its weights, and is only checked when it is opened.
    private const long LargestGraph = 256L << 20;

    /// <summary>Checks that a graph can be read, and that the files beside it have the weights that it asks for.</summary>
    /// <param name="path">The full path of the <c>.onnx</c> file.</param>
    /// <exception cref="ModelNotFoundException">The graph or a file beside it does not exist.</exception>
    /// <exception cref="ModelInvalidException">The graph is damaged, or a file beside it is too short.</exception>
    public static void Check(string path)
    {
        if (FileHashes.Length(path) > LargestGraph)
            return;

        try
        {
            using FileStream stream = RegularFile.Open(path);
            ModelProto model = ModelProto.Parser.ParseFrom(stream);
            if (model.Graph is null || model.Graph.Node.Count == 0)
                throw new ModelInvalidException($"'{path}' is not an ONNX graph: it has no nodes. Get the model again.");
            foreach (TensorProto tensor in model.Graph.Initializer.Where(static tensor => tensor.DataLocation == TensorProto.Types.DataLocation.External))
                CheckExternal(path, tensor);
        }
        catch (InvalidProtocolBufferException error)
        {
            throw new ModelInvalidException($"'{path}' is not an ONNX graph, or is damaged. Get the model again.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelInvalidException($"The graph '{path}' cannot be read: {error.Message} Get the model again.", error);
        }
    }

    private static void CheckExternal(string path, TensorProto tensor)
    {
        string? Find(string key) => tensor.ExternalData.FirstOrDefault(entry => entry.Key == key)?.Value;
        string location = Find("location") ?? string.Empty;
        string data = ModelFilePath.IsSafe(location)
            ? Path.Combine(Path.GetDirectoryName(path)!, location)
            : throw new ModelInvalidException($"The graph '{path}' asks for its weights in '{ModelFilePath.Printable(location)}', which is outside of its folder. Get the model from a source that you trust.");
        long.TryParse(Find("offset"), NumberStyles.None, CultureInfo.InvariantCulture, out long offset);
        long.TryParse(Find("length"), NumberStyles.None, CultureInfo.InvariantCulture, out long length);
        if (offset > FileHashes.Length(data) - length)
            throw new ModelInvalidException($"'{data}' is cut off: it lacks the weight '{ModelFilePath.Printable(tensor.Name)}' of the graph '{path}'. Get the model again.");
    }
}
