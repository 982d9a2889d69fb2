using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace StableDiffusion.ReferenceModels;

/// <summary>
/// A text file that says how the weights of a safetensors file were drawn. Its form is described in
/// tests/data/families/README.md.
/// </summary>
internal sealed class WeightRecipe
{
    private const int Alignment = 8;
    private const string Scalar = "-";

    private readonly string _path;
    private readonly string _hash;
    private readonly string? _metadata;
    private readonly List<(string Name, int[] Shape, string[] Fills)> _tensors = [];

    private WeightRecipe(string path)
    {
        _path = path;
        string[] lines = File.ReadAllLines(path);
        _hash = lines[0].Split(' ')[1];
        foreach (string[] words in lines.Skip(1).Select(static line => line.Split(' ')))
        {
            if (words[0] == "metadata")
                _metadata = words[1];
            else
                _tensors.Add((words[0], ReadShape(words[1]), words[2..]));
        }
    }

    /// <summary>Reads a recipe.</summary>
    /// <param name="path">The text file.</param>
    /// <returns>The recipe.</returns>
    public static WeightRecipe Read(string path) => new(path);

    /// <summary>Makes the safetensors file, with its weights in half precision.</summary>
    /// <returns>The file's bytes.</returns>
    /// <exception cref="InvalidDataException">The bytes are not those of the reference.</exception>
    public byte[] Make()
    {
        byte[] header = Header();
        byte[] file = new byte[sizeof(long) + header.Length + (_tensors.Sum(static tensor => Count(tensor.Shape)) * 2)];
        BinaryPrimitives.WriteInt64LittleEndian(file, header.Length);
        header.CopyTo(file, sizeof(long));

        List<(Draw Draw, int Start, int Count, int Columns)> draws = [];
        int start = 0;
        Span<Half> weights = MemoryMarshal.Cast<byte, Half>(file.AsSpan(sizeof(long) + header.Length));
        foreach ((_, int[] shape, string[] fills) in _tensors)
        {
            int count = Count(shape) / fills.Length;
            foreach (string fill in fills)
            {
                if (Draw.TryParse(fill, out Draw? draw))
                    draws.Add((draw, start, count, shape[^1]));
                else
                    FillNumbers(weights.Slice(start, count), fill);
                start += count;
            }
        }

        foreach (var stream in draws.GroupBy(static item => item.Draw.Seed))
        {
            TorchStream random = new(stream.Key);
            foreach ((Draw draw, int first, int count, int columns) in stream.OrderBy(static item => item.Draw.Offset))
                draw.Fill(random, weights.Slice(first, count), columns);
        }

        string hash = Convert.ToHexStringLower(SHA256.HashData(file));
        return hash == _hash ? file : throw new InvalidDataException($"The file made from '{_path}' has the SHA-256 {hash}, but the reference's file has {_hash}.");
    }

    private static int[] ReadShape(string text) =>
        text == Scalar ? [] : [.. text.Split('x').Select(static length => int.Parse(length, CultureInfo.InvariantCulture))];

    private static int Count(int[] shape) => shape.Aggregate(1, static (product, length) => product * length);

    private static void FillNumbers(Span<Half> weights, string text)
    {
        Half[] numbers = [.. text.Split(',').Select(static number => Half.Parse(number, CultureInfo.InvariantCulture))];
        if (numbers.Length == 1)
            weights.Fill(numbers[0]);
        else
            numbers.CopyTo(weights);
    }

    private byte[] Header()
    {
        List<string> entries = [];
        if (_metadata is not null)
            entries.Add($"\"__metadata__\":{_metadata}");
        long start = 0;
        foreach ((string name, int[] shape, _) in _tensors)
        {
            long end = start + (Count(shape) * 2);
            entries.Add($$"""
                "{{name}}":{"dtype":"F16","shape":[{{string.Join(',', shape)}}],"data_offsets":[{{start}},{{end}}]}
                """);
            start = end;
        }

        string json = $"{{{string.Join(',', entries)}}}";
        return Encoding.ASCII.GetBytes(json.PadRight((json.Length + Alignment - 1) / Alignment * Alignment));
    }
}
