using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Tensors;

public sealed class DamagedFilesTests(ITestOutputHelper output) : IDisposable
{
    private const long AllowedBytes = 200_000_000;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_damaged_file_is_refused_or_read_whole_and_costs_little()
    {
        int refused = 0;
        long mostBytes = 0;
        foreach (DamagedFile file in DamagedFiles.All())
        {
            string path = _folder[$"{file.Seed}{file.Extension}"];
            File.WriteAllBytes(path, file.Bytes);
            long before = GC.GetAllocatedBytesForCurrentThread();

            Exception? error = Record.Exception(() => ReadAll(path));

            long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(error is null or DiffusionException, $"{file}: {error}");
            Assert.True(bytes < AllowedBytes, $"{file} took {bytes} bytes");
            if (file.Malicious)
                Assert.IsType<UnsafeFileException>(error);
            if (error is not null)
                Assert.Contains(path, error.Message, StringComparison.Ordinal);

            refused += error is null ? 0 : 1;
            mostBytes = Math.Max(mostBytes, bytes);
        }

        output.WriteLine($"{refused} of {DamagedFiles.Count} refused; at most {mostBytes} bytes");

        // The others have changed values or names only.
        Assert.InRange(refused, 4 * DamagedFiles.Count / 5, DamagedFiles.Count);
    }

    [Fact]
    public void The_same_number_gives_the_same_file()
    {
        for (int seed = 0; seed < 36; seed++)
            Assert.Equal(DamagedFiles.Create(seed).Bytes, DamagedFiles.Create(seed).Bytes);
    }

    private static void ReadAll(string path)
    {
        using ITensorFile file = TensorFile.Open(path);
        foreach (string name in file.Tensors.Keys)
            file.Read(name);
    }
}
