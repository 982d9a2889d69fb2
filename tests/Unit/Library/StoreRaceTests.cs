using StableDiffusion.Building;
using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Library;

/// <summary>Imports and removals at the same time, which share the same content. The locks are files, so threads are as good as processes.</summary>
[Collection(AloneCollection.Name)]
public sealed class StoreRaceTests : StoreCase
{
    public override void Dispose()
    {
        Library.CloseModels();
        base.Dispose();
    }

    [Fact]
    public void Content_that_loses_its_name_while_it_is_tested_for_another_is_kept()
    {
        string source = CopyTiny("source");
        Import(source, "first", skipsTest: true);
        bool isRemoved = false;

        ModelImport second = Library.Import(source, "second", progress: RemoveFirst, cancellationToken: Token);

        Assert.True(isRemoved);
        Assert.True(second.WasThere);
        Assert.Equal(["demo", "second"], Library.Models.List(Token).Select(model => model.Name));
        Assert.Null(Library.Models.FindAny("second", Token).Problem);

        void RemoveFirst(ProgressReport report)
        {
            if (isRemoved || !report.Activity.StartsWith("Testing", StringComparison.Ordinal))
                return;
            isRemoved = true;
            Library.Models.Remove("first", Token);
        }
    }

    [Fact]
    public void The_second_of_two_imports_of_different_models_under_one_name_is_refused()
    {
        string source = CopyTiny("source");
        bool isImported = false;

        OutputExistsException error = Assert.Throws<OutputExistsException>(() => Library.Import(source, "mine", skipsTest: true, progress: ImportOther, cancellationToken: Token));

        Assert.True(isImported);
        Assert.Contains("'mine' already exists", error.Message, StringComparison.Ordinal);
        Assert.Single(Contents);
        Assert.Null(Library.Models.FindAny("mine", Token).Problem);

        void ImportOther(ProgressReport report)
        {
            // The name was free when the import began.
            if (isImported || report.Activity != BuildActivity.Writing)
                return;
            isImported = true;
            Library.Import(source, "mine", new ImportOptions { Precision = ModelPrecision.Half }, skipsTest: true, cancellationToken: Token);
        }
    }

    [Fact]
    public void A_model_that_is_open_elsewhere_loses_its_name_at_once_and_its_files_later()
    {
        ModelImport import = Import(CopyTiny("source"), "mine", skipsTest: true);
        using (ModelLease lease = Library.Open("mine", Device.Cpu))
        {
            lease.Model.OpenTextEncoder(null, Token);
            Library.Models.Remove("mine", Token);

            Assert.Throws<ModelNotFoundException>(() => Library.Models.Find("mine", Token));
            Assert.NotNull(lease.Model.OpenUNet(null, Token));
            Assert.NotNull(lease.Model.OpenVaeDecoder(null, Token));
        }

        Directory.SetLastWriteTimeUtc(import.Model.Path, DateTime.UtcNow.AddDays(-2));
        Import(CopyExport("other"), "other", skipsTest: true);
        Assert.False(Directory.Exists(import.Model.Path));
    }

    [Fact]
    public void A_model_that_is_removed_before_a_part_is_opened_is_not_found()
    {
        Import(CopyTiny("source"), "mine", skipsTest: true);
        using ModelLease lease = Library.Open("mine", Device.Cpu);
        Library.Models.Remove("mine", Token);

        Assert.Contains("'mine' was removed", Assert.Throws<ModelNotFoundException>(() => lease.Model.OpenUNet(null, Token)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Of_several_removals_one_removes_the_model_and_the_others_do_not_find_it(bool isFolder)
    {
        string source = CopyTiny("source");
        for (int round = 0; round < 5; round++)
        {
            if (isFolder)
                CopyTiny("models", "mine");
            else
                Import(source, "mine", skipsTest: true);

            string[] results = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(TryRemove, Token)));
            Assert.Equal(["found", "missing", "missing", "missing"], results.Order(StringComparer.Ordinal));
            Assert.Equal(["demo"], Library.Models.List(Token).Select(model => model.Name));
        }

        string TryRemove()
        {
            try
            {
                Library.Models.Remove("mine", Token);
                return "found";
            }
            catch (ModelNotFoundException)
            {
                return "missing";
            }
        }
    }

    [Fact]
    public async Task Imports_and_removals_at_once_do_not_damage_each_other()
    {
        string source = CopyTiny("source");
        await Task.WhenAll(Enumerable.Range(0, 3).Select(worker => Task.Run(() => Work($"mine{worker}"), Token)));
        Assert.Equal(["demo"], Library.Models.List(Token).Select(model => model.Name));

        void Work(string name)
        {
            for (int round = 0; round < 8; round++)
            {
                Import(source, name, skipsTest: true);
                Assert.Null(Library.Models.FindAny(name, Token).Problem);
                Assert.All(Library.Models.List(Token), model => Assert.Null(model.Problem));
                Library.Models.Remove(name, Token);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_folder_in_the_place_of_the_file_of_a_name_is_named(bool force)
    {
        Directory.CreateDirectory(Folder["models", "mine.model"]);
        OutputWriteException error = Assert.Throws<OutputWriteException>(() => Library.Import(CopyTiny("source"), "mine", force: force, cancellationToken: Token));
        Assert.Contains($"'{Folder["models", "mine.model"]}' is a folder", error.Message, StringComparison.Ordinal);
        Assert.Contains("delete or rename it", error.Message, StringComparison.Ordinal);
        Assert.Empty(Contents);
    }
}
