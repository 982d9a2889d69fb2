using System.Diagnostics;
using System.Net.Sockets;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Storage;

public sealed class RegularFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_read_whole_and_through_links()
    {
        File.WriteAllText(_folder["file"], "text");
        File.CreateSymbolicLink(_folder["link"], "file");
        File.CreateSymbolicLink(_folder["link to link"], _folder["link"]);

        Assert.Equal("text"u8.ToArray(), RegularFile.ReadAllBytes(_folder["link to link"], limit: 4));
        using FileStream stream = RegularFile.Open(_folder["link"]);
        Assert.Equal(4, stream.Length);
    }

    [Fact]
    public void A_file_over_the_limit_is_refused_before_it_is_read()
    {
        // The file takes no space; reading it would take all memory.
        using (FileStream stream = File.Create(_folder["large"]))
            stream.SetLength(1L << 40);

        IOException error = Assert.Throws<IOException>(() => RegularFile.ReadAllBytes(_folder["large"], limit: 100));

        Assert.Equal("It has 1099511627776 bytes, and the limit for such a file is 100.", error.Message);
    }

    [Fact]
    public void A_missing_file_and_a_link_to_nothing_are_not_found()
    {
        File.CreateSymbolicLink(_folder["link"], _folder["nothing"]);

        Assert.Throws<FileNotFoundException>(() => RegularFile.Open(_folder["nothing"]));
        Assert.Throws<FileNotFoundException>(() => RegularFile.Open(_folder["link"]));
    }

    [Theory]
    [InlineData("pipe", "It is a named pipe, not a file.")]
    [InlineData("link to pipe", "It is a named pipe, not a file.")]
    [InlineData("device", "It is a device, not a file.")]
    [InlineData("socket", "It is a socket, not a file.")]
    [InlineData("folder", "It is a folder, not a file.")]
    public void What_is_no_file_is_refused_without_opening_it(string name, string expected)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such files in folders.");

        // Opening a pipe that nobody writes to would wait forever.
        using (Process make = Process.Start("mkfifo", _folder["pipe"]))
            make.WaitForExit();
        File.CreateSymbolicLink(_folder["link to pipe"], "pipe");
        File.CreateSymbolicLink(_folder["device"], "/dev/zero");
        Directory.CreateDirectory(_folder["folder"]);
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(_folder["socket"]));

        Assert.Equal(expected, Assert.Throws<IOException>(() => RegularFile.Open(_folder[name])).Message);
        Assert.Equal(expected, Assert.Throws<IOException>(() => RegularFile.ReadAllBytes(_folder[name], limit: 100)).Message);
    }}
