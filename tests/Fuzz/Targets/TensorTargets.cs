using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using System.Text.Json;
using StableDiffusion.Adapters;
using StableDiffusion.Building;
using StableDiffusion.Families;
using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Fuzz.Mutations;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Tensors;
using StableDiffusion.Tests;
using StableDiffusion.Tests.Tensors.Torch;
using StableDiffusion.Text;
using StableDiffusion.Weights;

namespace StableDiffusion.Fuzz.Targets;

/// <summary>The readers of files of tensors: models, adapters and embeddings.</summary>
internal static class TensorTargets
{
    private const string Safetensors = ".safetensors";
    private const long MaxValues = 1 << 22;
    private const long MaxSparse = 256 << 20;

    private static readonly Mutation[] s_safetensors = [TensorFileMutations.Header];
    private static readonly Mutation[] s_archive = [TensorFileMutations.ZipField, TensorFileMutations.Opcodes];

    /// <summary>All of them.</summary>
    public static IEnumerable<FuzzTarget> All()
    {
        yield return new DelegateTarget("safetensors", s_safetensors, SafetensorsFiles, data => ReadAll(FuzzFiles.Write(data, "model" + Safetensors)));
        yield return new DelegateTarget("torch-archive", s_archive, () => TorchFiles(isArchive: true), data => ReadAll(FuzzFiles.Write(data, "model.ckpt")));
        yield return new DelegateTarget("torch-stream", [TensorFileMutations.Opcodes], () => TorchFiles(isArchive: false), data => ReadAll(FuzzFiles.Write(data, "model.pt")));
        yield return new DelegateTarget("pickle", [TensorFileMutations.Opcodes], Pickles, data => ReadAll(FuzzFiles.Write(Writer().Archive(data), "pickle.pt")));
        yield return new DelegateTarget("shard-index", JsonMutations.All, ShardIndexes, ReadShards);
        yield return new DelegateTarget("checkpoint", JsonMutations.All, CheckpointHeaders, ReadCheckpoint);
        yield return new DelegateTarget("tiny-vae", JsonMutations.All, TinyVaeHeaders, ReadTinyVae);
        yield return new DelegateTarget("upscaler", JsonMutations.All, UpscalerHeaders, ReadUpscaler);
        yield return new DelegateTarget("lora", s_safetensors, Loras, ReadLora);
        yield return new DelegateTarget("embedding", [.. s_safetensors, .. s_archive], Embeddings, data =>
        {
            TextualInversion word = TextualInversionFile.Load(FuzzFiles.Write(data, "embedding" + (data.AsSpan().StartsWith("PK"u8) ? ".pt" : Safetensors)));
            return [word.ToString()];
        });
    }

    /// <summary>A safetensors file of some tensors.</summary>
    internal static byte[] File(params (string Name, int[] Shape)[] tensors)
    {
        MemoryStream bytes = new();
        SafetensorsWriter.Write(bytes, tensors.ToDictionary(static entry => entry.Name, static entry => new Tensor(entry.Shape)), new Dictionary<string, string> { ["format"] = "pt" });
        return bytes.ToArray();
    }

    private static IEnumerable<string> ReadAll(string path)
    {
        using ITensorFile file = TensorFile.Open(path);
        foreach ((string name, StoredTensor tensor) in file.Tensors)
        {
            if (tensor.Count <= MaxValues)
                file.Read(name);
        }

        return [];
    }

    private static IEnumerable<byte[]> SafetensorsFiles()
    {
        yield return File(("model.weight", [4, 3]), ("model.bias", [4]), ("empty", [0]), ("number", []));
        yield return System.IO.File.ReadAllBytes(Repository.Data("adapters", "my-style.safetensors"));
        yield return Json("""{"a":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[4],"data_offsets":[8,16]},"c":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[16,24]},"d":{"dtype":"I64","shape":[1],"data_offsets":[24,32]},"__metadata__":{"k":"v"}}""", 32);
    }

    private static byte[] Json(string header, int values) => [.. BitConverter.GetBytes((long)header.Length), .. Encoding.UTF8.GetBytes(header), .. new byte[values]];

    private static IEnumerable<byte[]> TorchFiles(bool isArchive)
    {
        foreach (int protocol in (int[])[2, 4])
        {
            TorchWriter writer = new(protocol);
            PickledDictionary root = Root(writer, isArchive);
            yield return isArchive ? writer.Archive(root) : writer.Stream(root);
        }
    }

    private static PickledDictionary Root(TorchWriter writer, bool isArchive)
    {
        PickledDictionary state = new(ordered: true);
        foreach ((string type, int size) in ((string, int)[])[("FloatStorage", 4), ("HalfStorage", 2), ("LongStorage", 8)])
        {
            PickledId storage = writer.Storage(type, 6, new byte[6 * size], isArchive);
            state.Add($"{type}.weight", TorchWriter.Tensor(storage, 0, [2, 3], [3, 1]));
            state.Add($"{type}.transposed", TorchWriter.Tensor(storage, 0, [3, 2], [1, 3]));
        }

        return new PickledDictionary { { "epoch", 3 }, { "lr", 0.5 }, { "state_dict", state }, { "callbacks", new PickledDictionary() }, { "betas", new object[] { 0.9, 0.999 } } };
    }

    /// <summary>A root whose values occur several times: a dictionary, a list, a large number, and the marks of tensors.</summary>
    private static PickledDictionary SharedRoot()
    {
        PickledId storage = new TorchWriter().Storage("FloatStorage", 6, new byte[6 * sizeof(float)]);
        PickledDictionary marks = new() { { "conj", false }, { "neg", false } };
        PickledCall tensor = TorchWriter.Tensor(storage, 0, [2, 3], [3, 1]);
        PickledCall marked = tensor with { Arguments = [.. tensor.Arguments, marks] };
        List<object?> list = [marks, marked, null];
        object number = BigInteger.One << 2000;
        return new PickledDictionary { { "a", list }, { "b", list }, { "c", new PickledDictionary { { "d", list }, { "e", marks } } }, { "f", number }, { "g", number }, { "h", marked } };
    }

    private static TorchPickle Writer() => new();

    private static IEnumerable<byte[]> Pickles()
    {
        foreach (int protocol in (int[])[2, 3, 4, 5])
            yield return PickleWriter.Dump(Root(new TorchWriter(protocol), isArchive: true), protocol);
        yield return PickleWriter.Dump(SharedRoot());
    }

    private static IEnumerable<byte[]> ShardIndexes()
    {
        yield return """{"metadata":{"total_size":48},"weight_map":{"a.weight":"model-00001-of-00002.safetensors","b.weight":"model-00002-of-00002.safetensors"}}"""u8.ToArray();
    }

    private static IEnumerable<string> ReadShards(byte[] data)
    {
        FuzzFiles.Write(File(("a.weight", [2, 2])), "shards", "model-00001-of-00002.safetensors");
        FuzzFiles.Write(File(("b.weight", [2, 2])), "shards", "model-00002-of-00002.safetensors");
        using ShardedWeights weights = ShardedWeights.Open(FuzzFiles.Write(data, "shards", "model.safetensors.index.json"));
        return [];
    }

    /// <summary>The headers of single files; the values are not looked at, and are a hole in the file.</summary>
    private static IEnumerable<byte[]> CheckpointHeaders()
    {
        foreach (string file in (string[])["sd1/sd1-tiny", "sd2/sd2-v-tiny", "sdxl/sdxl-tiny"])
        {
            using FileStream stream = System.IO.File.OpenRead(Path.Combine(Repository.Root, "out", "families", file + Safetensors));
            byte[] length = new byte[sizeof(long)];
            stream.ReadExactly(length);
            byte[] header = new byte[BinaryPrimitives.ReadInt64LittleEndian(length)];
            stream.ReadExactly(header);
            yield return header;
        }
    }

    private static IEnumerable<byte[]> TinyVaeHeaders()
    {
        foreach ((string prefix, int shift) in ((string, int)[])[("decoder.layers.", 0), (string.Empty, 1)])
        {
            List<(string, int[])> tensors = [Layer(0, "weight", 2, 4), Layer(0, "bias", 2)];
            foreach (int block in (int[])[2, 3, 4, 7])
                tensors.AddRange(((int[])[0, 2, 4]).SelectMany(convolution => ((string, int[])[])[Layer(block, $"conv.{convolution}.weight", 2, 2), Layer(block, $"conv.{convolution}.bias", 2)]));
            byte[] file = File([.. tensors, Layer(6, "weight", 2, 2), Layer(8, "weight", 3, 2), Layer(8, "bias", 3)]);
            yield return file[8..(8 + (int)BitConverter.ToInt64(file))];

            (string, int[]) Layer(int layer, string name, params int[] channels) => ($"{prefix}{layer + shift}.{name}", channels.Length == 1 ? channels : [.. channels, 3, 3]);
        }
    }

    private static IEnumerable<string> ReadTinyVae(byte[] header)
    {
        VaeSource source = new(WriteHeader("vae", header), ModelFamily.All[0]);
        using ModelContents contents = source.Open();
        ModelNetwork network = contents.Networks[0];
        string text = $"{VaeTraits.From(network.ReadConfig())} {VaeGraphs.HasEncoder(network)} {VaeGraphs.HasDecoder(network)}";
        return [text, $"{ModelGraph.Make(contents, source).Count}"];
    }

    /// <summary>The headers of upscalers in each layout, and of one whose weights are in a dictionary.</summary>
    private static IEnumerable<byte[]> UpscalerHeaders()
    {
        foreach (string name in (string[])["realesrgan-2x", "bsrgan-4x", "esrgan-old-2x", "compact-4x"])
        {
            byte[] file = System.IO.File.ReadAllBytes(Repository.Data("upscalers", name + Safetensors));
            string header = Encoding.UTF8.GetString(file.AsSpan(8, (int)BitConverter.ToInt64(file)));
            yield return Encoding.UTF8.GetBytes(header);
            if (name == "compact-4x")
                yield return Encoding.UTF8.GetBytes(header.Replace("\"body.", "\"params_ema.body.", StringComparison.Ordinal));
        }
    }

    private static IEnumerable<string> ReadUpscaler(byte[] header)
    {
        UpscalerSource source = new(WriteHeader("upscaler", header));
        using ModelContents contents = source.Open();
        return [$"{UpscalerConfig.From(contents.Networks[0].ReadConfig())}", $"{ModelGraph.Make(contents, source).Count}"];
    }

    /// <summary>Writes a safetensors file with a header, and with zeros for the tensors.</summary>
    private static string WriteHeader(string name, byte[] header)
    {
        string path = FuzzFiles.PathOf(name + Safetensors);
        using FileStream stream = System.IO.File.Create(path);
        stream.Write(BitConverter.GetBytes((long)header.Length));
        stream.Write(header);
        stream.SetLength(stream.Length + DataLength(header));
        return path;
    }

    private static IEnumerable<string> ReadCheckpoint(byte[] header)
    {
        using ITensorFile file = TensorFile.Open(WriteHeader("checkpoint", header));
        Exception? other = Checkpoint.FindOther(file);
        Checkpoint checkpoint = Checkpoint.Open(file);
        return [.. checkpoint.Findings.Select(static finding => finding.Text), other?.Message ?? string.Empty];
    }

    private static long DataLength(byte[] header)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(header);
            return Math.Clamp(document.RootElement.EnumerateObject().Max(static tensor => tensor.Value.TryGetProperty("data_offsets", out JsonElement offsets) ? offsets[1].GetInt64() : 0), 0, MaxSparse);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or IndexOutOfRangeException or FormatException)
        {
            return 0;
        }
    }

    private static IEnumerable<byte[]> Loras()
    {
        const string Kohya = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q";
        yield return File(($"{Kohya}.lora_up.weight", [8, 2]), ($"{Kohya}.lora_down.weight", [2, 8]), ($"{Kohya}.alpha", []));
        yield return File(($"{Kohya}.hada_w1_a", [8, 2]), ($"{Kohya}.hada_w1_b", [2, 8]), ($"{Kohya}.hada_w2_a", [8, 2]), ($"{Kohya}.hada_w2_b", [2, 8]));
        yield return File(($"{Kohya}.lokr_w1", [2, 2]), ($"{Kohya}.lokr_w2", [4, 4]), ($"{Kohya}.dora_scale", [8]));
        yield return File(($"{Kohya}.lora_up.weight", [8, 2, 1, 1]), ($"{Kohya}.lora_mid.weight", [2, 3, 3, 3]), ($"{Kohya}.lora_down.weight", [3, 8, 1, 1]));
        yield return File(($"{Kohya}.lokr_w1", [2, 2]), ($"{Kohya}.lokr_w2_a", [2, 4]), ($"{Kohya}.lokr_t2", [2, 2, 3, 3]), ($"{Kohya}.lokr_w2_b", [2, 4]));
        yield return File(($"{Kohya}.a1.weight", [8, 2]), ($"{Kohya}.a2.weight", [2, 8]), ($"{Kohya}.b1.weight", [8, 2]), ($"{Kohya}.b2.weight", [2, 8]), ($"{Kohya}.alpha", []));
        yield return File(($"{Kohya}.a1.weight", [2, 8, 1, 1]), ($"{Kohya}.a2.weight", [8, 2, 1, 1]), ($"{Kohya}.b1.weight", [2, 8, 1, 1]), ($"{Kohya}.b2.weight", [4, 2, 1, 1]));
        yield return File(($"{Kohya}.weight", [8]), ($"{Kohya}.on_input", []));
        yield return File(($"{Kohya}.weight", [1, 8, 1, 1]), ($"{Kohya}.on_input", [1]));
        yield return File(($"{Kohya}.oft_blocks", [4, 2, 2]), ($"{Kohya}.rescale", [8, 1]), ($"{Kohya}.alpha", []));
        yield return File(($"{Kohya}.oft_diag", [2, 4, 4]));
        yield return File(($"{Kohya}.oft_blocks", [3, 4, 2, 2]), ($"{Kohya}.alpha", []));
        yield return File(("lora_unet_down_blocks_0_resnets_0_norm1.w_norm", [8]), ("lora_unet_down_blocks_0_resnets_0_norm1.b_norm", [8]));
        const string Peft = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
        yield return File(($"{Peft}.lora_A.weight", [2, 8]), ($"{Peft}.lora_B.weight", [8, 2]));
        yield return File(("lora_te_text_model_encoder_layers_0_self_attn_k_proj.diff", [8, 8]), ("lora_te_text_model_encoder_layers_0_self_attn_k_proj.diff_b", [8]));
    }

    private static IEnumerable<string> ReadLora(byte[] data)
    {
        string path = FuzzFiles.Write(data, "lora" + Safetensors);
        AdapterSet set = AdapterSet.Create([new Lora(path)]);
        using LoraFile file = LoraFile.Open(path);
        foreach (LayerChange change in file.Layers.Select(static layer => layer.Change).OfType<LayerChange>())
        {
            if (WeightFor(change) is { } weight)
                change.Compute(file.File, weight, CancellationToken.None);
        }

        return [file.GuessFamily() ?? string.Empty, set.Hashes ?? string.Empty, .. file.Layers.Select(static layer => layer.Kind)];
    }

    /// <summary>A small weight that a change fits; null if there is none.</summary>
    private static ChangedWeight? WeightFor(LayerChange change)
    {
        int outWidth = (int)Math.Min(change.OutWidth ?? 8, MaxValues);
        int inner = (int)Math.Min(change.InnerCount ?? 8, MaxValues / Math.Max(outWidth, 1));
        foreach (int kernel in (ReadOnlySpan<int>)[1, 9])
        {
            if (inner >= kernel && inner % kernel == 0 && change.Fits(outWidth, inner / kernel, inner))
                return new ChangedWeight(new Lazy<float[]>(new float[outWidth * inner]), outWidth, inner / kernel, inner, Strength: 0.5);
        }

        return null;
    }

    private static IEnumerable<byte[]> Embeddings()
    {
        yield return System.IO.File.ReadAllBytes(Repository.Data("adapters", "my-style.safetensors"));
        yield return File(("emb_params", [2, 32]));
        yield return File(("clip_l", [2, 32]), ("clip_g", [2, 64]));
        TorchWriter writer = new();
        PickledId storage = writer.Storage("FloatStorage", 32, new byte[32 * sizeof(float)]);
        PickledDictionary parameters = new() { { "*", TorchWriter.Tensor(storage, 0, [1, 32], [32, 1]) } };
        yield return writer.Archive(new PickledDictionary { { "string_to_token", new PickledDictionary { { "*", 265 } } }, { "string_to_param", parameters }, { "name", "word" }, { "step", 100 } });
    }

    /// <summary>An archive about a pickle, with checksums that are right.</summary>
    private sealed class TorchPickle
    {
        private readonly TorchWriter _writer = new();

        public TorchPickle() => Root(_writer, isArchive: true);

        public byte[] Archive(byte[] pickle) => ZipWriter.Write(_writer.Entries(pickle));
    }
}
