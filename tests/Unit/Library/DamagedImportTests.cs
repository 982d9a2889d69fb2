using System.Text;
using StableDiffusion.Library;
using StableDiffusion.Storage;
using StableDiffusion.Tests.Families;
using StableDiffusion.Tests.Module.Commands;

namespace StableDiffusion.Tests.Library;

/// <summary>Damaged and hostile files end in a typed error and leave nothing in the store.</summary>
[Collection(CommandCollection.Name)]
public sealed class DamagedImportTests : IDisposable
{
    private const long HighestMemory = 200L << 20;

    private readonly TemporaryFolder _folder = new();
    private readonly string? _before = Environment.GetEnvironmentVariable(StorageFolders.ModelsVariable);

    public DamagedImportTests() => Environment.SetEnvironmentVariable(StorageFolders.ModelsVariable, _folder["store"]);

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(StorageFolders.ModelsVariable, _before);
        _folder.Dispose();
    }

    [Fact]
    public void Five_hundred_damaged_files_each_end_in_a_typed_error_and_leave_nothing()
    {
        int count = 0;
        foreach (DamagedFile file in DamagedFiles.All())
        {
            string path = _folder[$"damaged{file.Extension}"];
            File.WriteAllBytes(path, file.Bytes);
            long before = GC.GetAllocatedBytesForCurrentThread();

            DiffusionException error = Assert.ThrowsAny<DiffusionException>(() => ModelLibrary.Default.Import(path, cancellationToken: TestContext.Current.CancellationToken));

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < HighestMemory, $"{file.Damage} (seed {file.Seed}) took {allocated} bytes.");
            Assert.Contains("damaged", error.Message, StringComparison.Ordinal);
            Assert.False(file.Malicious && error is not UnsafeFileException, $"{file.Damage} (seed {file.Seed}): {error.Message}");
            AssertStoreIsEmpty();
            count++;
        }

        Assert.True(count >= 500, $"There are only {count} files.");
    }

    [Fact]
    public void A_whole_checkpoint_that_is_damaged_within_is_refused_or_imported_whole()
    {
        byte[] whole = TinyCheckpoint.Bytes();
        string path = _folder["damaged.safetensors"];
        Random random = new(20261124);
        for (int round = 0; round < 12; round++)
        {
            byte[] bytes = round % 2 == 0 ? whole[..random.Next(whole.Length)] : Renamed(whole, random);
            File.WriteAllBytes(path, bytes);

            Assert.ThrowsAny<DiffusionException>(() => ModelLibrary.Default.Import(path, cancellationToken: TestContext.Current.CancellationToken));
            AssertStoreIsEmpty();
        }
    }

    // A letter of a tensor's name in the header: the weight that a network needs is then missing.
    private static byte[] Renamed(byte[] whole, Random random)
    {
        byte[] bytes = [.. whole];
        int header = 8 + (int)BitConverter.ToInt64(bytes);
        int at = bytes.AsSpan(0, header).IndexOf(Encoding.UTF8.GetBytes(random.Next(2) == 0 ? "time_embed.0.weight" : "quant_conv.bias"));
        bytes[at + 2] = (byte)'Q';
        return bytes;
    }

    private void AssertStoreIsEmpty()
    {
        if (Directory.Exists(_folder["store"]))
            Assert.Empty(Directory.EnumerateFiles(_folder["store"], "*", SearchOption.AllDirectories));
    }
}
