using System.Globalization;
using System.Text.RegularExpressions;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Running;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Running;

/// <summary>What is said of a graph that is opened without its prepared form: why, and what to do.</summary>
[Collection(AloneCollection.Name)]
public sealed partial class UnpreparedGraphTests(SharedModels models) : LimitedCacheTests
{
    [Fact]
    public void Below_the_limit_that_it_needs_the_note_names_the_limit()
    {
        string graph = Part("unet");
        Environment.SetEnvironmentVariable(LimitVariable, "1");
        Assert.Null(Open(graph));
        string note = Note();
        Assert.Contains($"'{graph}'", note, StringComparison.Ordinal);
        Assert.Contains($"{LimitVariable} allows 1.00 MB", note, StringComparison.Ordinal);

        int needed = int.Parse(NeededLimit().Match(note).Groups[1].Value, CultureInfo.InvariantCulture);
        Environment.SetEnvironmentVariable(LimitVariable, $"{needed - 1}");
        Assert.Null(Open(graph));
        Environment.SetEnvironmentVariable(LimitVariable, $"{needed}");
        using OnnxSession prepared = Open(graph)!;
        Assert.NotNull(prepared);
    }

    [Fact]
    public void Where_open_graphs_take_the_room_the_note_says_so()
    {
        using (Open(Part("vae_decoder")))
        {
            long length = Directory.EnumerateFiles(Folder["cache"], "*", SearchOption.AllDirectories).Sum(static file => new FileInfo(file).Length);
            string second = Part("unet");
            long needed = 2 * new FileInfo(second + "_data").Length;
            Environment.SetEnvironmentVariable(LimitVariable, $"{(needed + (length / 2)) / 1_000_000}");
            Assert.Null(Open(second));
            Assert.Contains($"of the {ByteSize.Format((needed + (length / 2)) / 1_000_000 * 1_000_000)} that {LimitVariable} allows", Note(), StringComparison.Ordinal);
        }

        Reports.Clear();
        using OnnxSession prepared = Open(Part("unet"))!;
        Assert.DoesNotContain(Reports, static report => report.Note is not null);
    }

    [Fact]
    public void A_folder_that_cannot_be_written_to_is_named()
    {
        File.WriteAllText(Folder["cache"], "no folder");
        Assert.Null(Open(Part("vae_decoder")));
        Assert.Contains($"'{Folder["cache"]}'", Note(), StringComparison.Ordinal);
        Assert.Contains("Make ", Note(), StringComparison.Ordinal);
        TestContext.Current.TestOutputHelper?.WriteLine(Note());
    }

    [Fact]
    public void A_disk_without_enough_space_is_named()
    {
        const long Exabyte = 1_000_000_000_000_000_000;
        Environment.SetEnvironmentVariable(LimitVariable, $"{Exabyte}");
        string reason = new PreparedFolders(Folder["cache"]).Add("prepared-x", Exabyte, static _ => Assert.Fail(), TestContext.Current.CancellationToken)!;
        Assert.Contains($"the disk of '{Folder["cache"]}'", reason, StringComparison.Ordinal);
        Assert.Contains(StorageFolders.CacheVariable, reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_says_it_once_of_each_graph()
    {
        string[] graphs = [Large("first"), Large("second")];
        using DiffusionModel model = new(ModelReader.Read("demo", models.Demo, TestContext.Current.CancellationToken), Device.Cpu) { PreparedFolder = Folder["cache"] };
        Environment.SetEnvironmentVariable(LimitVariable, "1");
        foreach (string graph in (string[])[.. graphs, .. graphs])
            model.Sessions.Open(graph, Reports.Add, cancellationToken: TestContext.Current.CancellationToken).Dispose();
        Assert.Equal(2, Reports.Count(static report => report.Note is not null));
        Assert.All(graphs.Zip(Reports), static pair => Assert.Contains(pair.First, pair.Second.Note, StringComparison.Ordinal));
    }

    private string Note() => Assert.Single(Reports, static report => report.Note is not null).Note!;

    private string Part(string part) => Path.Combine(models.Demo, part, "model.onnx");

    private OnnxSession? Open(string graph) => new PreparedGraphs(Folder["cache"], smallest: 0).Open(graph, reordersLayout: true, replaced: null, Reports.Add, TestContext.Current.CancellationToken);

    // Only graphs with more than 256 MB of weights are prepared.
    private string Large(string name)
    {
        const int Rows = 4096, Columns = (256 << 20) / sizeof(float) / Rows;
        GraphBuilder graph = new(name);
        graph.Output("y", graph.Node("MatMul", [graph.Input("sample", 1, Rows), graph.Weight("weights", [Rows, Columns], static values => values.Fill(1))]), 1, Columns);
        string path = Path.Combine(Directory.CreateDirectory(Folder[name]).FullName, "model.onnx");
        graph.Save(path, cancellationToken: TestContext.Current.CancellationToken);
        return path;
    }

    [GeneratedRegex("at least ([0-9]+)")]
    private static partial Regex NeededLimit();
}
