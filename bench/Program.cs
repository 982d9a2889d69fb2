using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Building;
using StableDiffusion.Storage;

namespace StableDiffusion.Benchmarks;

internal static class Program
{
    private const int BadCommandLine = 64;

    /// <summary>Only where it is named: it writes 30 GB and takes half an hour.</summary>
    private const string FullSize = "fullsize";

    /// <summary>Only where it is named: it takes 5 GB of memory and some minutes.</summary>
    private const string Tiling = "tiling";

    /// <summary>Only where it is named: it takes some minutes.</summary>
    private const string Enlarging = "enlarging";

    /// <summary>Precedes the path of stable-diffusion.cpp's command, at the end of the command line.</summary>
    private const string PeerOption = "--sd-cli";

    private static readonly Dictionary<string, Func<IEnumerable<Row>>> s_parts = new(StringComparer.OrdinalIgnoreCase)
    {
        ["stages"] = StageRows.Measure,
        ["samplers"] = SamplerRows.Measure,
        ["sessions"] = SessionRows.Measure,
        ["precision"] = PrecisionRows.Measure,
        ["previews"] = PreviewRows.Measure,
        ["process"] = ProcessRows.Measure,
        ["batches"] = BatchRows.Measure,
        [Tiling] = TilingRows.Measure,
        [Enlarging] = EnlargingRows.Measure,
        [FullSize] = FullSizeRows.Measure,
    };

    private static int Main(string[] arguments)
    {
        if (arguments is [ConsoleImage.Option, string path])
        {
            ConsoleImage.Make(path);
            return 0;
        }

        if (arguments is [FullSizeRows.ImportOption, string file, string precision])
        {
            FullSizeRows.Import(file, Enum.Parse<ModelPrecision>(precision));
            return 0;
        }

        if (arguments is [FullSizeRows.RunOption, string model])
        {
            FullSizeRows.Run(model);
            return 0;
        }

        if (arguments is [TilingRows.RunOption, string half, string tiling, string folder])
        {
            TilingRows.Run(half, tiling, folder);
            return 0;
        }

        if (arguments is [EnlargingRows.RunOption, string enlarged, string upscaler])
        {
            EnlargingRows.Run(enlarged, upscaler);
            return 0;
        }

        if (arguments is [SamplerTables.Command] or [SamplerTables.Command, SamplerTables.WriteOption])
            return SamplerTables.Make(write: arguments.Length == 2) ? 0 : 1;

        if (arguments is [.. string[] named, PeerOption, string peer])
            (arguments, WholeImageRows.Peer) = (named, peer);

        string? unknown = arguments is [CardRows.Command, ..] ? null : arguments.FirstOrDefault(argument => !s_parts.ContainsKey(argument));
        if (unknown is not null)
        {
            Console.Error.WriteLine($"There is no part '{unknown}'. Name none for all of them but the last three, or some of {string.Join(", ", s_parts.Keys)}; or '{SamplerTables.Command} [{SamplerTables.WriteOption}]' or '{CardRows.Command}' alone.");
            return BadCommandLine;
        }

        // Away from the user's own graphs; the child processes inherit it.
        Environment.SetEnvironmentVariable(StorageFolders.CacheVariable, Path.Combine(AppContext.BaseDirectory, "graphs"));
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        if (arguments is [CardRows.Command, .. string[] options])
            return CardRows.Make(options);

        List<Row> rows = [];
        foreach (string part in arguments.Length == 0 ? s_parts.Keys.Where(static part => part is not (FullSize or Tiling or Enlarging)).ToArray() : arguments)
        {
            Console.Error.WriteLine($"Measuring {part} (load {Machine.Load}) ...");
            rows.AddRange(s_parts[part]());
        }

        Console.WriteLine(
            $"{DateTime.Today:yyyy-MM-dd}: {Environment.ProcessorCount} cores {RuntimeInformation.ProcessArchitecture}{(Avx512F.IsSupported ? " AVX-512" : string.Empty)}, " +
            $".NET {Environment.Version}, ONNX Runtime {OrtEnv.Instance().GetVersionString()}, load at the end {Machine.Load}");
        Console.WriteLine("Goals were judged by time, or by processor time where the load was above one and a half times the cores.");
        Console.WriteLine();
        Table.Write(rows, Console.Out);
        return 0;
    }
}
