// Owns the words of the compose file that no model changes, with the reasons for each right that Caisson has. Knows no engine.

export const COMPOSE_HEAD = `\
# Made by \`npm run compose\` from the files in model-configs/: change those, or what is in src/models/starting/, never this one.
# Caisson with one engine on one NVIDIA GPU. Copy .env.example to .env, fill it in, and:
#   docker compose -f docker-compose.gpu.yml up --build
# ENGINE there is the engine and its profile: vllm, triton, nim or llamacpp. Nothing is fetched at run time.
`;

export const CAISSON_SERVICES = `\
  # Gateway, runs and journal. It executes nothing and has no capability; what it asks of the runner goes through a socket.
  serve:
    build:
      context: .
      dockerfile: deploy/Dockerfile
      target: serve
    command:
      - serve
      - --data-dir
      - /home/caisson/data
      - --config
      - /etc/caisson/caisson.yaml
    environment: &executor
      container: docker
      CAISSON_EXECUTOR_MODE: socket
      CAISSON_EXECUTOR_SOCKET: /home/caisson/sock/runner.sock
      CAISSON_EXECUTOR_BOXES: /home/caisson/boxes
    user: caisson
    init: true
    read_only: true
    cap_drop: [ALL]
    security_opt: ['no-new-privileges:true']
    tmpfs: ['/tmp']
    volumes:
      - caisson-data:/home/caisson/data
      - caisson-boxes:/home/caisson/boxes
      - caisson-sock:/home/caisson/sock
      - ./deploy/engines/\${ENGINE:-vllm}.yaml:/etc/caisson/caisson.yaml:ro
      # Template and tokenizer, for engines that take plain text.
      - \${CAISSON_MODEL_DIR:?set it to the folder of the model}:/etc/caisson/model:ro
    mem_limit: 4g
    pids_limit: 512
    # 'edge' publishes the gateway to this machine only; 'engines' is the only way to the model.
    networks: [edge, engines]
    ports: ['127.0.0.1:8484:8484']
    depends_on:
      runner:
        condition: service_healthy
    restart: unless-stopped

  # The executor: the only one with firejail, and with neither keys nor journal beside it.
  runner:
    build:
      context: .
      dockerfile: deploy/Dockerfile
      target: runner
    command:
      - runner
      - --data-dir
      - /home/caisson/data
    # Without 'container' firejail takes the container for a sandbox of its own, and would run commands unprotected.
    environment: *executor
    user: caisson
    init: true
    read_only: true
    # What the setuid firejail needs to build a sandbox and to join it, and nothing more; the runner itself has none (deploy/README.md).
    cap_drop: [ALL]
    cap_add: [SYS_ADMIN, SYS_CHROOT, SYS_PTRACE, NET_ADMIN, SETUID, SETGID, CHOWN, FOWNER, DAC_OVERRIDE, MKNOD, SETPCAP]
    # Docker's own AppArmor profile forbids the mounts that a sandbox is made of.
    security_opt: ['apparmor=unconfined']
    tmpfs: ['/run:exec,mode=755', '/tmp']
    volumes:
      - runner-data:/home/caisson/data
      - caisson-boxes:/home/caisson/boxes
      - caisson-sock:/home/caisson/sock
    mem_limit: 16g
    pids_limit: 8192
    # No way out. Where a policy allows hosts, the proxy of the runner needs one: deploy/README.md.
    networks: [sandboxes]
    restart: unless-stopped
`;
